"use strict";
/* The data, elements, times and the film. Frames are working frames, ends exclusive. */
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main"), tip = document.getElementById("tip");
const reasons = Object.keys(data.reasons);
let video = null, playhead = 0;
const followers = [];  // called with the frame that is shown

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
function clock(frame, exact = true) {
  const tenths = Math.round(10 * frame / data.fps), s = exact ? tenths / 10 : Math.floor(frame / data.fps + 1e-6);
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60, rest = s - 3600 * h - 60 * m;
  const seconds = exact ? rest.toFixed(1).padStart(4, "0") : String(rest).padStart(2, "0");
  return (h ? h + ":" + String(m).padStart(2, "0") : m) + ":" + seconds;
}
const percent = share => (100 * share).toFixed(0) + " %";
const at = frame => (100 * frame / data.frames) + "%";
const counted = (count, one, many = one + "s") => `${count} ${count === 1 ? one : many}`;
const plain = action => action === null ? "not this person" : action.replaceAll("_", " ");
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/* A seek in flight is finished before the next one begins, so that dragging stays fluid. */
let wanted = null;
function seek(frame) {
  playhead = clamp(Math.round(frame), 0, data.frames - 1);
  for (const follow of followers) follow(playhead);
  if (!video) return;
  if (video.seeking) wanted = playhead;
  else video.currentTime = (playhead + .5) / data.fps;
}
function prepareVideo() {
  video = make("video", { src: data.overlay, controls: "", preload: "metadata", poster: data.thumbnails[0].picture, "aria-label": "The film with boxes and actions" });
  video.muted = true;
  video.addEventListener("seeked", () => {
    if (wanted === null) return;
    video.currentTime = (wanted + .5) / data.fps;
    wanted = null;
  });
  const follow = () => {
    if (video.seeking || wanted !== null) return;
    playhead = clamp(Math.floor(video.currentTime * data.fps + 1e-3), 0, data.frames - 1);
    for (const follower of followers) follower(playhead);
  };
  video.addEventListener("timeupdate", follow);
  const frame = () => { follow(); if (!video.paused) requestAnimationFrame(frame); };
  video.addEventListener("click", () => { if (editing) commands.play(); });
  video.addEventListener("play", () => requestAnimationFrame(frame));
  return video;
}

function show(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = clamp(x + 12, 4, Math.max(4, innerWidth - box.width - 4));
  tip.style.transform = `translate(${left}px, ${y + 18 + box.height > innerHeight ? y - box.height - 8 : y + 18}px)`;
}
const hide = () => { tip.hidden = true; };
