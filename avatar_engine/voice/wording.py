"""The words that every language says around numbers, and its abbreviations."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wording:
    """What one language says.

    Attributes:
        abbreviations: Pairs of a regular expression and what it stands for.
        point, minus, plus, percent: Between and around numbers.
        cent: One cent, several cents; ``and_cents`` stands between euros and cents.
        currencies: Spoken names, singular and plural, where CLDR's are too formal.
        scales: Regular expression of the words that may follow a price's number.
        of_scale: Between such a word and the currency (``deux millions d'euros``).
        hour: One hour, several hours; ``and_minutes`` stands before the minutes.
        first_day, date_joint: The first of a month; between day, month and year.
        number, times, out_of, per: "#1" (number one), "3x" (three times), "4/5" as a mark (four out of five), "€/kg".
        inch: One inch, several inches.
        phone: Regular expression of telephone numbers as they are written at home.
        metres: Between metres and centimetres in a height (``un metro e ottanta``); None where a decimal is said.
        fractions: Spoken fractions.
    """

    abbreviations: tuple[tuple[str, str], ...]
    point: str
    minus: str
    plus: str
    percent: str
    cent: tuple[str, str]
    currencies: dict[str, tuple[str, str]]
    scales: str
    hour: tuple[str, str]
    by: str
    to: str
    ampersand: str
    equals: str
    at: str
    dot: str
    slash: str
    dash: str
    underscore: str = "underscore"
    of_scale: str = ""
    and_cents: str = ""
    and_minutes: str = ""
    first_day: str = ""
    date_joint: str = ""
    fractions: dict[str, str] = field(default_factory=dict)
    number: str = "number"
    times: str = "times"
    out_of: str = "out of"
    per: str = "per"
    inch: tuple[str, str] = ("inch", "inches")
    phone: str = "(?!)"
    metres: str | None = None


_ENGLISH = r"""
    \bDr\.(?= [A-Z]) => Doctor
    \bMr\.(?= ) => Mister
    \bMrs\.(?= ) => Missus
    \bMs\.(?= ) => Miz
    \bProf\.(?= ) => Professor
    \bSt\.(?= [A-Z]) => Saint
    \bvs\.?[ ] => versus_
    \be\.g\.,? => for example,
    \bi\.e\.,? => that is,
    \betc\.(?=\s+[A-Z]|$) => et cetera.
    \betc\. => et cetera
    \bapprox\.[ ] => approximately_
    \b[Nn]o\. ?(?=\d) => number_
    \bInc\. => Incorporated
    \bLtd\. => Limited
    \bCo\.(?= ) => Company
    \bmax\.[ ] => maximum_
    \bmin\. (?=\d) => minimum_
    \bJan\. (?=\d) => January_
    \bFeb\. (?=\d) => February_
    \bAug\. (?=\d) => August_
    \bSept?\. (?=\d) => September_
    \bOct\. (?=\d) => October_
    \bNov\. (?=\d) => November_
    \bDec\. (?=\d) => December_
    \bw/[ ] => with_
    (?<=\d) ?(?:in\.|inch(?=es\b|\b)) => _inch
    (?<=[A-Za-z] )incl\.(?=$|[,;)!?]|\s*$) => included
    \bincl\.[ ] => including_
    \bexcl\.[ ] => excluding_
    \bTemp\.[ ] => Temperature_
    \bMon(?=-[A-Z]|[ ]?-) => Monday
    \bTues?(?=-[A-Z]) => Tuesday
    \bWed(?=-[A-Z]) => Wednesday
    \bThu(?:rs)?(?=-[A-Z]) => Thursday
    \bFri(?=-[A-Z]) => Friday
    \bSat(?=-[A-Z]) => Saturday
    (?<=day)-Wed\b => _to Wednesday
    (?<=day)-Thu\b => _to Thursday
    (?<=day)-Fri\b => _to Friday
    (?<=day)-Sat\b => _to Saturday
    (?<=day)-Sun\b => _to Sunday
    \bw/o[ ] => without_
"""
_FRENCH = r"""
    \bDr\.? (?=[A-ZÉ]) => docteur_
    \bM\. (?=[A-ZÉ]) => monsieur_
    \bMM\. (?=[A-ZÉ]) => messieurs_
    \bMme\.?[ ] => madame_
    \bMmes\.?[ ] => mesdames_
    \bMlle\.?[ ] => mademoiselle_
    \bPr\.? (?=[A-ZÉ]) => professeur_
    \bMe (?=[A-ZÉ]) => maître_
    \betc\.(?=\s+[A-ZÉ]|$) => et cetera.
    \betc\. => et cetera
    \bp\. ?ex\. => par exemple
    \bc\.-à-d\. => c'est-à-dire
    \benv\.[ ] => environ_
    \b[Nn]° ? => numéro_
    \bmax\.[ ] => maximum_
    \bmin\. (?=\d) => minimum_
    \bSt(?=[- ][A-ZÉ]) => saint
    \bSte(?=[- ][A-ZÉ]) => sainte
    \bjanv\.[ ] => janvier_
    \bfévr\.[ ] => février_
    \bavr\.[ ] => avril_
    \bjuil\.[ ] => juillet_
    \bsept\.[ ] => septembre_
    \boct\.[ ] => octobre_
    \bnov\.[ ] => novembre_
    \bdéc\.[ ] => décembre_
    \bbd\.? (?=[A-ZÉ]) => boulevard_
    \bav\. (?=[A-ZÉ]) => avenue_
    \b[Tt]él\. ?:? => téléphone_
"""
_SPANISH = r"""
    \bSr\.[ ] => señor_
    \bSra\.[ ] => señora_
    \bDr\.[ ] => doctor_
    \bDra\.[ ] => doctora_
    \bp\. ?ej\. => por ejemplo
    \betc\. => etcétera
    \bUds?\.[ ] => ustedes_
    \b[Nn]\.?[ºo°]\.? ?(?=\d) => número_
    \bincl\. => incluido
    \baprox\.[ ] => aproximadamente_
    \b[Tt]el\.:? => teléfono
"""
_ITALIAN = r"""
    \bSig\.ra[ ] => signora_
    \bSig\.[ ] => signor_
    \b[Dd]ott\.ssa[ ] => dottoressa_
    \b[Dd]ott\.[ ] => dottor_
    \becc\. => eccetera
    \bes\.[ ] => esempio_
    \b[Nn][.°] ?(?=\d) => numero_
    \b[Ii]ncl\. => inclusa
    \b[Tt]el\.:? => telefono
"""
_PORTUGUESE = r"""
    \bSr\.[ ] => senhor_
    \bSra\.[ ] => senhora_
    \bDr\.[ ] => doutor_
    \bDra\.[ ] => doutora_
    \bp\. ?ex\. => por exemplo
    \betc\. => etcétera
    \b[Nn][º°.] ?(?=\d) => número_
    \bincl\. => incluído
    \b[Tt]el\.:? => telefone
"""
_GERMAN = r"""
    \bDr\. => Doktor
    \bProf\. => Professor
    \bHr\.[ ] => Herr_
    \bFr\. (?=[A-ZÄÖÜ]) => Frau_
    \bz\. ?B\. => zum Beispiel
    \bd\. ?h\. => das heißt
    \bu\. ?a\. => unter anderem
    \busw\. => und so weiter
    \betc\. => et cetera
    \bca\.[ ] => circa_
    \binkl\.[ ] => inklusive_
    \bzzgl\.[ ] => zuzüglich_
    \bexkl\.[ ] => exklusive_
    \bMwSt\.? => Mehrwertsteuer
    \bNr\. ?(?=\d) => Nummer_
    \bStk\.? => Stück
    \bStr\.(?= \d) => Straße
    \bmax\.[ ] => maximal_
    \bmin\.[ ](?=\d) => mindestens_
    \bMo(?=-[A-Z]) => Montag
    (?<=tag)-Fr\b => _bis Freitag
    (?<=tag)-Sa\b => _bis Samstag
    (?<=tag)-So\b => _bis Sonntag
    \b[Tt]el\.:? => Telefon
"""
_HINDI = r"""
    डॉ\. ?(?=\S) => डॉक्टर_
    श्री\. => श्री
    प्रो\. => प्रोफ़ेसर
    \b[Rr]s\.? ?(?=\d) => ₹
    रु\. ?(?=\d) => ₹
    नं\. ?(?=\d) => नंबर_
    कि\.मी\. => किलोमीटर
    कि\.ग्रा\. => किलोग्राम
"""


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    """Rows ``pattern => words`` as pairs; an underscore at either end of the words is a space."""
    rows = (row.strip().split(" => ") for row in table.strip().splitlines())
    return tuple((pattern, words.replace("_", " ")) for pattern, words in rows)


WORDING = {
    "en": Wording(
        abbreviations=_pairs(_ENGLISH),
        point="point", minus="minus", plus="plus", percent="percent", cent=("cent", "cents"),
        currencies={"USD": ("dollar", "dollars"), "EUR": ("euro", "euros"), "GBP": ("pound", "pounds"),
                    "JPY": ("yen", "yen"), "INR": ("rupee", "rupees"), "BRL": ("real", "reais")},
        scales="thousand|million|billion|trillion|k|K|M|bn", hour=("hour", "hours"), by="by", to="to",
        ampersand="and", equals="equals", at="at", dot="dot", slash="slash", dash="dash",
        fractions={"1/2": "one half", "½": "one half", "1/3": "one third", "2/3": "two thirds",
                   "1/4": "one quarter", "¼": "one quarter", "3/4": "three quarters", "¾": "three quarters",
                   "24/7": "twenty-four seven"},
        phone=r"(?:\b1-)?(?:\(\d{3}\) ?|\b\d{3}-)\d{3}-\d{4}\b|\b\d{3}-\d{4}\b",
    ),
    "fr": Wording(
        abbreviations=_pairs(_FRENCH),
        point="virgule", minus="moins", plus="plus", percent="pour cent", cent=("centime", "centimes"),
        currencies={"USD": ("dollar", "dollars"), "EUR": ("euro", "euros"), "GBP": ("livre", "livres"),
                    "JPY": ("yen", "yens"), "CHF": ("franc suisse", "francs suisses")},
        scales="millions?|milliards?|billions?", of_scale="d'", hour=("heure", "heures"), by="par", to="à",
        ampersand="et", equals="égale", at="arobase", dot="point", slash="barre oblique", dash="tiret",
        underscore="tiret bas", first_day="premier",
        fractions={"1/2": "un demi", "½": "un demi", "1/3": "un tiers", "2/3": "deux tiers", "1/4": "un quart",
                   "¼": "un quart", "3/4": "trois quarts", "¾": "trois quarts",
                   "24/7": "vingt-quatre heures sur vingt-quatre"},
        number="numéro", times="fois", out_of="sur", per="par", inch=("pouce", "pouces"), metres="",
        phone=r"(?<!\d)0\d(?:[ .-]\d{2}){4}(?!\d)",
    ),
    "es": Wording(
        abbreviations=_pairs(_SPANISH),
        point="coma", minus="menos", plus="más", percent="por ciento", cent=("céntimo", "céntimos"),
        currencies={"USD": ("dólar", "dólares"), "EUR": ("euro", "euros"), "GBP": ("libra", "libras")},
        scales="millón|millones|mil", of_scale="de ", and_cents="con ", hour=("hora", "horas"),
        and_minutes="y ", by="por", to="a", ampersand="y", equals="igual a", at="arroba", dot="punto",
        slash="barra", dash="guion", underscore="guion bajo", first_day="primero", date_joint="de ",
        fractions={"1/2": "un medio", "½": "un medio", "1/4": "un cuarto", "3/4": "tres cuartos"},
        number="número", times="veces", out_of="sobre", per="por", inch=("pulgada", "pulgadas"), metres="",
        phone=r"(?<![\d.,])[6-9]\d{2} \d{3} \d{3}(?![\d.,])|(?<![\d.,])[6-9]\d{2}(?: \d{2}){3}(?![\d.,])",
    ),
    "it": Wording(
        abbreviations=_pairs(_ITALIAN),
        point="virgola", minus="meno", plus="più", percent="per cento", cent=("centesimo", "centesimi"),
        currencies={"USD": ("dollaro", "dollari"), "EUR": ("euro", "euro"), "GBP": ("sterlina", "sterline")},
        scales="milione|milioni|miliardi|mila", of_scale="di ", and_cents="e ", hour=("ora", "ore"),
        and_minutes="e ", by="per", to="a", ampersand="e", equals="uguale a", at="chiocciola", dot="punto",
        slash="barra", dash="trattino", first_day="primo",
        fractions={"1/2": "un mezzo", "½": "un mezzo", "1/4": "un quarto", "3/4": "tre quarti"},
        number="numero", times="volte", out_of="su", per="al", inch=("pollice", "pollici"), metres="e ",
        phone=r"(?<![\d.,])(?:0\d{1,3}|3\d{2})[ /-]\d{3,4}[ -]?\d{3,4}(?![\d.,])|(?<![\d.,])800 \d{3} \d{3}(?![\d.,])",
    ),
    "pt": Wording(
        abbreviations=_pairs(_PORTUGUESE),
        point="vírgula", minus="menos", plus="mais", percent="por cento", cent=("centavo", "centavos"),
        currencies={"USD": ("dólar", "dólares"), "EUR": ("euro", "euros"), "BRL": ("real", "reais")},
        scales="milhão|milhões|mil", of_scale="de ", and_cents="e ", hour=("hora", "horas"), and_minutes="e ",
        by="por", to="a", ampersand="e", equals="igual a", at="arroba", dot="ponto", slash="barra", dash="hífen",
        first_day="primeiro", date_joint="de ",
        fractions={"1/2": "meio", "½": "meio", "1/4": "um quarto", "3/4": "três quartos"},
        number="número", times="vezes", out_of="de", per="por", inch=("polegada", "polegadas"), metres="e ",
        phone=r"(?:\(\d{2}\) ?|(?<!\d))9?\d{4}-\d{4}(?!\d)",
    ),
    "de": Wording(
        abbreviations=_pairs(_GERMAN),
        point="Komma", minus="minus", plus="plus", percent="Prozent", cent=("Cent", "Cent"),
        currencies={"USD": ("Dollar", "Dollar"), "EUR": ("Euro", "Euro"), "GBP": ("Pfund", "Pfund"),
                    "CHF": ("Franken", "Franken"), "JPY": ("Yen", "Yen")},
        scales="Tausend|Millionen|Million|Milliarden|Milliarde", hour=("Uhr", "Uhr"), by="mal", to="bis",
        ampersand="und", equals="gleich", at="at", dot="Punkt", slash="Schrägstrich", dash="Bindestrich",
        underscore="Unterstrich", first_day="erster",
        fractions={"1/2": "ein halb", "½": "ein halb", "1/3": "ein Drittel", "2/3": "zwei Drittel",
                   "1/4": "ein Viertel", "¼": "ein Viertel", "3/4": "drei Viertel", "¾": "drei Viertel",
                   "24/7": "rund um die Uhr"},
        number="Nummer", times="mal", out_of="von", per="pro", inch=("Zoll", "Zoll"), metres="",
        phone=r"(?<![\d.,])0\d{2,4}(?:[ /-]\d{2,}){1,4}(?![\d,])",
    ),
    "hi": Wording(
        abbreviations=_pairs(_HINDI),
        point="दशमलव", minus="माइनस", plus="प्लस", percent="प्रतिशत", cent=("पैसा", "पैसे"),
        currencies={"INR": ("रुपया", "रुपये"), "USD": ("डॉलर", "डॉलर"), "EUR": ("यूरो", "यूरो"),
                    "GBP": ("पाउंड", "पाउंड")},
        scales="हज़ार|हजार|लाख|करोड़|मिलियन", hour=("बजे", "बजकर"), by="गुणा", to="से", ampersand="और",
        equals="बराबर", at="ऐट", dot="डॉट", slash="स्लैश", dash="डैश", underscore="अंडरस्कोर",
        fractions={"1/2": "आधा", "½": "आधा", "1/4": "एक चौथाई", "¼": "एक चौथाई", "3/4": "तीन चौथाई",
                   "¾": "तीन चौथाई", "1/3": "एक तिहाई", "2/3": "दो तिहाई", "24/7": "चौबीसों घंटे"},
        number="नंबर", times="गुना", out_of="में से", per="प्रति", inch=("इंच", "इंच"),
        phone=r"(?<!\d)[6-9]\d{4}[ -]?\d{5}(?!\d)|(?<!\d)1800[ -]\d{3}[ -]\d{3,4}(?!\d)",
    ),
}  # fmt: skip
