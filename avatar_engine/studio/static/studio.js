// What the pages need beyond htmx: files in pieces, the preview, the script's lines, the recorder. No page needs more.
"use strict";
const csrf = () => document.body.dataset.csrf || "";
const all = (what, where = document) => [...where.querySelectorAll(what)];
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// The studio is away, or back.
const away = document.querySelector("[data-away]");
const gone = (is) => { if (away) away.hidden = !is; };
document.addEventListener("htmx:sse:error", (event) => { if (event.detail.error?.name !== "AbortError") gone(true); });
document.addEventListener("htmx:sse:close", (event) => { if (event.detail.reason === "ended") gone(true); });
document.addEventListener("htmx:sse:after:connection", () => gone(false));
document.addEventListener("htmx:sse:after:message", () => gone(false));
document.addEventListener("htmx:error", (event) => { if (event.detail.error instanceof TypeError) gone(true); });
document.addEventListener("htmx:after:request", () => gone(false));

// What was told goes after a while, unless it is a refusal.
const board = document.getElementById("told");
if (board) new MutationObserver(() => {
  const good = board.querySelector(".told.good");
  if (good) setTimeout(() => { if (good.isConnected) good.remove(); }, 6000);
}).observe(board, { childList: true });

// A page that shows a job is opened anew when the job is over, for more can be done then.
all("[data-when-done]").forEach((place) => {
  const state = () => place.querySelector("[data-state]")?.dataset.state;
  let before = state();
  new MutationObserver(() => {
    const now = state();
    if (before && now && now !== before && /True/.test(before) && !/True/.test(now)) location.reload();
    before = now ?? before;
  }).observe(place, { childList: true, subtree: true, attributes: true });
});

// Files in pieces.
const PIECE = 8 * 1024 * 1024;
const answer = async (response) => {
  const told = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(`${told.error || response.statusText} ${told.advice || ""}`), { status: response.status });
  return told;
};
const ask = (path, method, body, headers = {}) => fetch(path, { method, body, headers: { "X-CSRF": csrf(), ...headers } });
async function send(file, purpose, moved) {
  const name = file.name || "recording.webm";
  const begun = await answer(await ask("/api/v1/uploads", "POST", JSON.stringify({ name, size: file.size, purpose }), { "Content-Type": "application/json" }));
  let at = 0, tries = 0;
  while (at < file.size) {
    try {
      const told = await answer(await ask(`/api/v1/uploads/${begun.id}`, "PATCH", file.slice(at, at + PIECE), { "Upload-Offset": at, "Content-Type": "application/octet-stream" }));
      at = told.at; tries = 0;
      moved(at / file.size);
    } catch (error) {
      if (error.status && error.status !== 409 && error.status < 500) throw error;
      if (++tries > 30) throw error;
      await new Promise((go) => setTimeout(go, Math.min(1000 * tries, 5000)));
      const stands = await ask(`/api/v1/uploads/${begun.id}`, "GET").then(answer).catch(() => null);
      if (stands) at = stands.at;
    }
  }
  return begun.id;
}
const chosen = new WeakMap();
async function bring(form, file) {
  const bar = form.querySelector("progress"), said = form.querySelector("[data-said]"), button = form.querySelector("button");
  const began = performance.now();
  bar.hidden = false; if (button) button.disabled = true;
  try {
    const upload = await send(file, form.dataset.upload, (share) => {
      bar.value = share;
      const left = (performance.now() - began) / 1000 * (1 - share) / share;
      said.textContent = `${file.name || ""} ${Math.round(share * 100)} % · ${clock(left)}`;
    });
    const values = Object.fromEntries(new FormData(form));
    for (const [key, value] of Object.entries(values)) if (value instanceof File) delete values[key];
    await htmx.ajax("POST", form.getAttribute("hx-post"), { source: form, target: "#told", swap: "innerHTML", values: { ...values, upload } });
  } catch (error) {
    said.textContent = error.message; said.classList.add("bad");
  } finally {
    bar.hidden = true; bar.value = 0; if (button) button.disabled = false;
  }
}
all("[data-upload]").forEach((form) => {
  const input = form.querySelector("input[type=file]"), said = form.querySelector("[data-said]");
  const take = (file) => {
    if (!file) return;
    chosen.set(form, file);
    said.classList.remove("bad");
    said.textContent = `${file.name} · ${(file.size / 1e6).toFixed(1)} MB`;
    const name = form.querySelector("input[name=name]");
    if (name && !name.value) name.value = file.name.replace(/\.[^.]*$/, "").slice(0, 60);
    if (input?.hasAttribute("data-at-once")) bring(form, file);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault(); event.stopImmediatePropagation();
    const file = chosen.get(form);
    if (file) bring(form, file); else if (input) input.click();
  }, true);
  input?.addEventListener("change", () => take(input.files[0]));
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => { event.preventDefault(); form.classList.remove("over"); take(event.dataTransfer.files[0]); });
});
document.addEventListener("htmx:before:request", (event) => { if (event.target.matches?.("[data-upload]") && event.detail.ctx?.sourceEvent?.type === "submit") event.preventDefault(); });

// Sliders say where they stand.
document.addEventListener("input", (event) => {
  const shown = event.target.closest("label")?.querySelector("output");
  if (shown && event.target.type === "range") shown.textContent = Number(event.target.value).toFixed(event.target.step.includes(".0") ? 2 : 1);
});
// Enter says a line; Shift and Enter begin a new one. What was said is cleared once it was taken.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches?.("[data-enter]")) {
    event.preventDefault(); event.target.form.requestSubmit(event.target.form.querySelector("button.main"));
  }
});
document.addEventListener("htmx:after:request", (event) => {
  const form = event.target.closest?.("[data-clear]");
  if (form && event.detail.ctx?.response?.status < 400) { form.querySelector("textarea").value = ""; form.querySelector("textarea").focus(); }
});

// The rundown's lines, and the mistakes in place.
all("[data-editor]").forEach((form) => {
  const area = form.querySelector("textarea"), gutter = form.querySelector("[data-gutter]"), changed = form.querySelector("[data-changed]");
  const wrong = new Set();
  const number = () => {
    const count = area.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: count }, (_, at) => {
      const line = document.createElement("li"); line.textContent = at + 1; if (wrong.has(at + 1)) line.className = "wrong"; return line;
    }));
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", () => { if (changed) changed.hidden = false; number(); });
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  number();
  const judged = document.getElementById("judged");
  new MutationObserver(() => {
    const list = judged.querySelector(".mistakes");
    if (!list) return;
    form.elements.version.value = list.dataset.version;
    if ("saved" in list.dataset && changed) changed.hidden = true;
    wrong.clear();
    all("[data-line]", list).forEach((one) => wrong.add(Number(one.dataset.line)));
    number();
  }).observe(judged, { childList: true });
  judged.addEventListener("click", (event) => {
    const line = Number(event.target.closest("[data-line]")?.dataset.line || 0);
    if (!line) return;
    const lines = area.value.split("\n"), start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus(); area.setSelectionRange(start, start + (lines[line - 1] || "").length);
    area.scrollTop = (line - 5) * parseFloat(getComputedStyle(area).lineHeight);
  });
  addEventListener("beforeunload", (event) => { if (changed && !changed.hidden) event.preventDefault(); });
});

// The preview: opened anew a second after it was lost, as long as the page is there.
all("[data-preview]").forEach((screen) => {
  const video = screen.querySelector("video"), note = screen.querySelector("[data-note]"), sound = screen.querySelector("[data-sound]");
  const waiting = note.textContent;
  let player = null;
  const shut = () => { try { player?.destroy(); } catch { /* it was gone */ } player = null; };
  const play = () => {
    if (!window.mpegts?.isSupported()) { note.textContent = "This browser can't play the preview."; return; }
    const line = new URL(screen.dataset.preview, location.href); line.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    mpegts.LoggingControl.enableAll = false;
    player = mpegts.createPlayer({ type: "flv", isLive: true, url: line.href }, { enableStashBuffer: false, liveSync: true, liveSyncMaxLatency: 0.6, liveSyncTargetLatency: 0.25, liveSyncPlaybackRate: 1.15, autoCleanupSourceBuffer: true });
    const again = () => { shut(); note.hidden = false; note.textContent = waiting; setTimeout(play, 1000); };
    player.on(mpegts.Events.ERROR, again);
    player.on(mpegts.Events.LOADING_COMPLETE, again);
    player.attachMediaElement(video);
    player.load();
    video.play().catch(() => {});
  };
  video.addEventListener("playing", () => { note.hidden = true; });
  // A page that was in the background comes back to the live edge.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && video.buffered.length) video.currentTime = Math.max(video.currentTime, video.buffered.end(video.buffered.length - 1) - 0.2);
  });
  sound?.addEventListener("click", () => { video.muted = !video.muted; sound.setAttribute("aria-pressed", String(!video.muted)); });
  play();
});

// The technician's microphone: samples go to the show as they come; how it stands comes back.
all("[data-microphone]").forEach((place) => {
  const get = (what) => place.querySelector(what);
  const take = get("[data-take]"), off = get("[data-off]"), level = get("[data-level]"), stands = get("[data-stands]");
  let line = null, context = null, stream = null, refused = false;
  const say = (key) => { stands.className = ""; stands.removeAttribute("lang"); stands.textContent = stands.dataset[key]; };
  const shut = () => {
    stream?.getTracks().forEach((track) => track.stop()); context?.close().catch(() => {});
    stream = context = line = null; take.hidden = false; take.disabled = false; off.hidden = true; level.value = 0;
  };
  const opened = async () => {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false } });
    context = new AudioContext({ sampleRate: 48000 });
    await context.audioWorklet.addModule(place.dataset.worklet);
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
    node.port.onmessage = ({ data }) => {
      level.value = Math.max(level.value * 0.9, new Int16Array(data).reduce((most, one) => Math.max(most, Math.abs(one)), 0) / 32768);
      if (line?.readyState === WebSocket.OPEN && line.bufferedAmount < 96000) line.send(data);
    };
  };
  take.addEventListener("click", async () => {
    take.disabled = true; refused = false; say("opening");
    try { await opened(); } catch { shut(); say("none"); stands.className = "bad"; return; }
    const address = new URL(place.dataset.microphone, location.href); address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    line = new WebSocket(address);
    take.hidden = true; off.hidden = false; off.focus();
    line.addEventListener("message", ({ data }) => {
      const told = JSON.parse(data);
      if (told.error) { refused = true; stands.className = "bad"; stands.lang = "en"; stands.textContent = `${told.error} ${told.advice}`; } else if (told.on) say("on");
    });
    line.addEventListener("close", ({ code }) => { shut(); if (!refused) say(code === 1000 ? "over" : "lost"); });
  });
  off.addEventListener("click", () => { off.disabled = true; if (line?.readyState === WebSocket.OPEN) line.send("off"); else line?.close(); setTimeout(() => { off.disabled = false; }, 2000); });
  addEventListener("pagehide", () => line?.close());
});

// The recorder: camera, live advice, teleprompter.
all("[data-recorder]").forEach((place) => {
  const get = (what) => place.querySelector(what);
  const video = get("video"), lines = get("[data-lines]"), prompter = get("[data-prompter]"), time = get("[data-clock]");
  let stream = null, recorder = null, began = 0, peak = 0, meter = null;
  const eye = document.createElement("canvas"); eye.width = 64; eye.height = 36;
  const see = eye.getContext("2d", { willReadFrequently: true });
  const tell = (about, state) => {
    const row = get(`[data-about=${about}]`), words = row.querySelector("span");
    row.className = state === "good" ? "good" : "poor";
    if (words.textContent !== words.dataset[state]) words.textContent = words.dataset[state] || "";
  };
  const skin = (r, g, b) => r > 60 && r > g && r > b && r - Math.min(g, b) > 12 && Math.abs(r - g) > 8;
  function look() {
    if (!stream) return;
    see.drawImage(video, 0, 0, 64, 36);
    const { data } = see.getImageData(0, 0, 64, 36);
    let light = 0, count = 0, inside = 0, oval = 0, face = 0;
    for (let y = 0; y < 36; y++) for (let x = 0; x < 64; x++) {
      const at = 4 * (64 * y + x), r = data[at], g = data[at + 1], b = data[at + 2];
      const within = ((x - 32) / 7) ** 2 + ((y - 15) / 9.4) ** 2 <= 1, like = skin(r, g, b);
      if (like) { face++; light += 0.3 * r + 0.59 * g + 0.11 * b; count++; }
      if (within) { oval++; if (like) inside++; }
    }
    const level = count ? light / count : 0;
    tell("light", count < 20 || level < 70 ? "low" : level > 225 ? "high" : "good");
    tell("face", inside / oval > 0.55 ? (face > 900 ? "high" : "good") : face < 60 ? "low" : "none");
    if (meter) {
      const samples = new Float32Array(meter.fftSize); meter.getFloatTimeDomainData(samples);
      peak = Math.max(peak * 0.97, ...samples.map(Math.abs));
      tell("level", peak < 0.06 ? "low" : peak > 0.97 ? "high" : "good");
    }
    if (recorder?.state === "recording") {
      const words = lines.value.trim().split(/\s+/), seconds = (performance.now() - began) / 1000;
      time.textContent = clock(seconds);
      const at = Math.floor(seconds * Number(get("[data-pace]").value || 130) / 60), from = Math.max(0, at - 6);
      const read = document.createElement("span"); read.className = "read"; read.textContent = words.slice(from, at).join(" ") + " ";
      prompter.replaceChildren(read, words.slice(at, at + 26).join(" "));
    }
  }
  get("[data-camera]").addEventListener("click", async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 25 } }, audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 } });
    } catch { get("[data-refused]").hidden = false; return; }
    get("[data-refused]").hidden = true;
    video.srcObject = stream;
    const heard = new AudioContext(); meter = heard.createAnalyser(); meter.fftSize = 1024;
    heard.createMediaStreamSource(stream).connect(meter);
    const { height } = stream.getVideoTracks()[0].getSettings();
    tell("size", height >= 720 ? "good" : "low");
    get("[data-record]").disabled = false; setInterval(look, 200);
    prompter.textContent = lines.value.trim().split(/\s+/).slice(0, 26).join(" ");
  });
  get("[data-record]").addEventListener("click", () => {
    const kinds = ["video/mp4;codecs=avc1.640028,mp4a.40.2", "video/webm;codecs=h264,opus", "video/webm;codecs=vp9,opus", "video/webm"];
    const kind = kinds.find((one) => MediaRecorder.isTypeSupported(one));
    const pieces = [];
    recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 12_000_000, audioBitsPerSecond: 192_000 });
    recorder.addEventListener("dataavailable", (event) => { if (event.data.size) pieces.push(event.data); });
    recorder.addEventListener("stop", () => {
      const file = new File(pieces, kind.startsWith("video/mp4") ? "take.mp4" : "take.webm", { type: kind });
      get("[data-playback]").src = URL.createObjectURL(file);
      chosen.set(get("[data-upload]"), file);
      get("[data-take]").hidden = false; time.classList.remove("on");
      get("[data-record]").disabled = false; get("[data-halt]").disabled = true;
    });
    recorder.start(1000); began = performance.now(); time.classList.add("on");
    get("[data-record]").disabled = true; get("[data-halt]").disabled = false;
  });
  get("[data-halt]").addEventListener("click", () => recorder?.stop());
});
