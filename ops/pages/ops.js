// Keeps a page live. The server sends the page's main part whenever it has changed;
// what differs is changed in place, so that the focus, the scrolling and what is being
// typed stay as they are. Where nothing newer can be had, the page stays, and says so.
"use strict";

const shown = document.getElementById("main");
const connection = document.getElementById("connection");
const address = document.body.dataset.live;

// morph makes the element from what the element to is. An element with an id stays
// the same element wherever it moves to; one with data-keep is the reader's own.
function morph(from, to) {
  if (from.hasAttribute("data-keep")) return;
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  const named = new Map([...from.children].filter(idOf).map((child) => [idOf(child), child]));
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const there = idOf(wanted) ? named.get(idOf(wanted)) : alike(at, wanted) ? at : null;
    if (!there) {
      from.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (there === at) at = at.nextSibling;
    else from.insertBefore(there, at);
    if (there.nodeType === Node.ELEMENT_NODE) morph(there, wanted);
    else if (there.data !== wanted.data) there.data = wanted.data;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// idOf is a node's id. A form with a field named id has that field for its property id.
function idOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("id") : null;
}

function alike(a, b) {
  return a && !idOf(a) && !idOf(b) && a.nodeType === b.nodeType && a.nodeName === b.nodeName;
}

// main is the main part of a page, as the server sent it.
function main(html) {
  const page = new DOMParser().parseFromString('<main id="main" tabindex="-1">' + html + "</main>", "text/html");
  return page.getElementById("main");
}

function seenAt() {
  return "What you see is from " + heardAt.toISOString().slice(11, 19) + " UTC";
}

function tell(text) {
  connection.textContent = text;
  connection.hidden = text === "";
}

let stream;
let again;
let heardAt = new Date();

function connect() {
  disconnect();
  stream = new EventSource("/ops/live?at=" + encodeURIComponent(address));
  stream.addEventListener("page", (event) => {
    heardAt = new Date();
    tell("");
    morph(shown, main(event.data));
  });
  stream.addEventListener("stale", (event) => {
    const why = main(event.data).querySelector("[role=alert]");
    tell(seenAt() + ", since no newer state can be read" + (why ? ": " + why.textContent.trim() : "."));
  });
  stream.addEventListener("gone", () => {
    disconnect();
    location.reload();
  });
  stream.addEventListener("error", () => {
    tell("The connection is lost. " + seenAt() + "; trying to reach Holdfast again.");
    // A stream that was refused is not tried again by the browser itself.
    if (stream.readyState === EventSource.CLOSED) again = setTimeout(connect, 5000);
  });
}

function disconnect() {
  clearTimeout(again);
  if (stream) stream.close();
}

// A page that nobody looks at asks for nothing.
if (address && window.EventSource) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else connect();
  });
  if (!document.hidden) connect();
}

// What was done is said once, not again when the page is loaded again.
const here = new URL(location.href);
if (here.searchParams.has("said")) {
  here.searchParams.delete("said");
  history.replaceState(null, "", here);
}
