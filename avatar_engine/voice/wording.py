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


WORDING = {
    "en": Wording(
        abbreviations=(
            (r"\bDr\.(?= [A-Z])", "Doctor"), (r"\bMr\.(?= )", "Mister"), (r"\bMrs\.(?= )", "Missus"),
            (r"\bMs\.(?= )", "Miz"), (r"\bProf\.(?= )", "Professor"), (r"\bSt\.(?= [A-Z])", "Saint"),
            (r"\bvs\.? ", "versus "), (r"\be\.g\.,?", "for example,"), (r"\bi\.e\.,?", "that is,"),
            (r"\betc\.(?=\s+[A-Z]|$)", "et cetera."), (r"\betc\.", "et cetera"), (r"\bapprox\. ", "approximately "),
            (r"\b[Nn]o\. ?(?=\d)", "number "), (r"\bInc\.", "Incorporated"), (r"\bLtd\.", "Limited"),
            (r"\bCo\.(?= )", "Company"), (r"\bmax\. ", "maximum "), (r"\bmin\. (?=\d)", "minimum "),
            (r"\bJan\. (?=\d)", "January "), (r"\bFeb\. (?=\d)", "February "), (r"\bAug\. (?=\d)", "August "),
            (r"\bSept?\. (?=\d)", "September "), (r"\bOct\. (?=\d)", "October "),
            (r"\bNov\. (?=\d)", "November "), (r"\bDec\. (?=\d)", "December "), (r"\bw/ ", "with "),
            (r"(?<=\d) ?(?:in\.|inch(?=es\b|\b))", " inch"), (r'(?<=\d)"', " inches"),
        ),
        point="point", minus="minus", plus="plus", percent="percent", cent=("cent", "cents"),
        currencies={"USD": ("dollar", "dollars"), "EUR": ("euro", "euros"), "GBP": ("pound", "pounds"),
                    "JPY": ("yen", "yen"), "INR": ("rupee", "rupees"), "BRL": ("real", "reais")},
        scales="thousand|million|billion|trillion|k|K|M|bn", hour=("hour", "hours"), by="by", to="to",
        ampersand="and", equals="equals", at="at", dot="dot", slash="slash", dash="dash",
        fractions={"1/2": "one half", "½": "one half", "1/3": "one third", "2/3": "two thirds",
                   "1/4": "one quarter", "¼": "one quarter", "3/4": "three quarters", "¾": "three quarters",
                   "24/7": "twenty-four seven"},
    ),
    "fr": Wording(
        abbreviations=(
            (r"\bDr\.? (?=[A-ZÉ])", "docteur "), (r"\bM\. (?=[A-ZÉ])", "monsieur "),
            (r"\bMM\. (?=[A-ZÉ])", "messieurs "), (r"\bMme\.? ", "madame "), (r"\bMmes\.? ", "mesdames "),
            (r"\bMlle\.? ", "mademoiselle "), (r"\bPr\.? (?=[A-ZÉ])", "professeur "), (r"\bMe (?=[A-ZÉ])", "maître "),
            (r"\betc\.(?=\s+[A-ZÉ]|$)", "et cetera."), (r"\betc\.", "et cetera"), (r"\bp\. ?ex\.", "par exemple"),
            (r"\bc\.-à-d\.", "c'est-à-dire"), (r"\benv\. ", "environ "), (r"\b[Nn]° ?", "numéro "),
            (r"\bmax\. ", "maximum "), (r"\bmin\. (?=\d)", "minimum "), (r"\bSt(?=[- ][A-ZÉ])", "saint"),
            (r"\bSte(?=[- ][A-ZÉ])", "sainte"), (r"\bjanv\. ", "janvier "), (r"\bfévr\. ", "février "),
            (r"\bavr\. ", "avril "), (r"\bjuil\. ", "juillet "), (r"\bsept\. ", "septembre "),
            (r"\boct\. ", "octobre "), (r"\bnov\. ", "novembre "), (r"\bdéc\. ", "décembre "),
            (r"\bbd\.? (?=[A-ZÉ])", "boulevard "), (r"\bav\. (?=[A-ZÉ])", "avenue "), (r"\b[Tt]él\. ?:?", "téléphone "),
        ),
        point="virgule", minus="moins", plus="plus", percent="pour cent", cent=("centime", "centimes"),
        currencies={"USD": ("dollar", "dollars"), "EUR": ("euro", "euros"), "GBP": ("livre", "livres"),
                    "JPY": ("yen", "yens"), "CHF": ("franc suisse", "francs suisses")},
        scales="millions?|milliards?|billions?", of_scale="d'", hour=("heure", "heures"), by="par", to="à",
        ampersand="et", equals="égale", at="arobase", dot="point", slash="barre oblique", dash="tiret",
        underscore="tiret bas", first_day="premier",
        fractions={"1/2": "un demi", "½": "un demi", "1/3": "un tiers", "2/3": "deux tiers", "1/4": "un quart",
                   "¼": "un quart", "3/4": "trois quarts", "¾": "trois quarts",
                   "24/7": "vingt-quatre heures sur vingt-quatre"},
    ),
    "es": Wording(
        abbreviations=(
            (r"\bSr\. ", "señor "), (r"\bSra\. ", "señora "), (r"\bDr\. ", "doctor "), (r"\bDra\. ", "doctora "),
            (r"\bp\. ?ej\.", "por ejemplo"), (r"\betc\.", "etcétera"), (r"\bUds?\. ", "ustedes "),
        ),
        point="coma", minus="menos", plus="más", percent="por ciento", cent=("céntimo", "céntimos"),
        currencies={"USD": ("dólar", "dólares"), "EUR": ("euro", "euros"), "GBP": ("libra", "libras")},
        scales="millón|millones|mil", of_scale="de ", and_cents="con ", hour=("hora", "horas"),
        and_minutes="y ", by="por", to="a", ampersand="y", equals="igual a", at="arroba", dot="punto",
        slash="barra", dash="guion", underscore="guion bajo", first_day="primero", date_joint="de ",
        fractions={"1/2": "un medio", "½": "un medio", "1/4": "un cuarto", "3/4": "tres cuartos"},
    ),
    "it": Wording(
        abbreviations=(
            (r"\bSig\.ra ", "signora "), (r"\bSig\. ", "signor "), (r"\b[Dd]ott\.ssa ", "dottoressa "),
            (r"\b[Dd]ott\. ", "dottor "), (r"\becc\.", "eccetera"), (r"\bes\. ", "esempio "),
        ),
        point="virgola", minus="meno", plus="più", percent="per cento", cent=("centesimo", "centesimi"),
        currencies={"USD": ("dollaro", "dollari"), "EUR": ("euro", "euro"), "GBP": ("sterlina", "sterline")},
        scales="milione|milioni|miliardi|mila", of_scale="di ", and_cents="e ", hour=("ora", "ore"),
        and_minutes="e ", by="per", to="a", ampersand="e", equals="uguale a", at="chiocciola", dot="punto",
        slash="barra", dash="trattino", first_day="primo",
        fractions={"1/2": "un mezzo", "½": "un mezzo", "1/4": "un quarto", "3/4": "tre quarti"},
    ),
    "pt": Wording(
        abbreviations=(
            (r"\bSr\. ", "senhor "), (r"\bSra\. ", "senhora "), (r"\bDr\. ", "doutor "), (r"\bDra\. ", "doutora "),
            (r"\bp\. ?ex\.", "por exemplo"), (r"\betc\.", "etcétera"),
        ),
        point="vírgula", minus="menos", plus="mais", percent="por cento", cent=("centavo", "centavos"),
        currencies={"USD": ("dólar", "dólares"), "EUR": ("euro", "euros"), "BRL": ("real", "reais")},
        scales="milhão|milhões|mil", of_scale="de ", and_cents="e ", hour=("hora", "horas"), and_minutes="e ",
        by="por", to="a", ampersand="e", equals="igual a", at="arroba", dot="ponto", slash="barra", dash="hífen",
        first_day="primeiro", date_joint="de ",
        fractions={"1/2": "meio", "½": "meio", "1/4": "um quarto", "3/4": "três quartos"},
    ),
}  # fmt: skip
