// What is better with a script. Without it every page says the same: times in UTC, spans that stand still, forms that load a page.
(() => {
  "use strict";
  const all = (selector, of = document) => [...of.querySelectorAll(selector)];
  const say = (text) => { document.querySelector(".live").textContent = text; };

  // Times in the reader's zone; the exact one stays on hover.
  // In the order of the pages' own language, so that nothing moves.
  const zone = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  const local = (of) => all("time", of).forEach((time) => { time.textContent = zone.format(new Date(time.dateTime)); });

  // Spans that run down, by the reader's clock.
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const span = (seconds) => {
    if (seconds <= 0) return "now";
    const parts = [];
    for (const [length, unit] of UNITS) {
      const count = Math.floor(seconds / length);
      seconds %= length;
      if (count || parts.length) parts.push(`${count} ${unit}`);
      if (parts.length === 2) break;
    }
    return parts.filter((part) => !part.startsWith("0 ")).join(" ") || "now";
  };
  const tick = () => all("[data-until]").forEach((it) => {
    const text = span(Number(it.dataset.until) - Math.floor(Date.now() / 1000));
    if (it.textContent !== text) it.textContent = text;
  });

  // What is shortened is copied whole.
  const copyable = (of) => all("[data-copy]", of).forEach((it) => {
    if (it.closest("a") || it.querySelector(".copy")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.title = `Copy ${it.dataset.copy}`;
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(it.dataset.copy);
      say("Copied.");
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1200);
    });
    it.append(button);
  });

  // The ruler of a time line: any moment, and what was allowed at it.
  const timeline = () => {
    const figure = document.querySelector(".timeline");
    const then = document.getElementById("then");
    if (!figure || !then) return;
    const ruler = figure.querySelector("input[type=range]");
    const line = figure.querySelector(".ruler-line");
    const [from, to, now] = ["from", "to", "now"].map((name) => Number(figure.dataset[name]));
    // The slider ends today and the picture may go on: it is as wide as its part of it.
    ruler.closest("label").classList.add("works");
    ruler.disabled = false;
    const fit = () => { ruler.style.setProperty("width", `${((Math.min(now, to) - from) / (to - from)) * 100}%`); };
    fit();
    const draw = () => {
      const x = `${((Number(ruler.value) - from) / (to - from)) * 100}%`;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      ruler.setAttribute("aria-valuetext", zone.format(new Date(Number(ruler.value) * 1000)));
    };
    let asked = 0;
    const ask = async () => {
      const mine = ++asked;
      const address = new URL(location.href);
      const moment = new Date(Number(ruler.value) * 1000).toISOString().replace(".000Z", "Z");
      if (Number(ruler.value) >= now) address.searchParams.delete("at");
      else address.searchParams.set("at", moment);
      const part = new URL(address);
      part.searchParams.set("part", "then");
      try {
        const reply = await fetch(part);
        const text = await reply.text();
        if (mine !== asked) return;
        if (!reply.ok) { say("That moment could not be shown."); return; }
        // Our own page, whose text the server has escaped.
        then.innerHTML = text;
        dress(then);
        history.replaceState(null, "", address);
      } catch { if (mine === asked) say("That moment could not be shown."); }
    };
    let waiting;
    ruler.addEventListener("input", () => { draw(); clearTimeout(waiting); waiting = setTimeout(ask, 150); });
    draw();
  };

  // The commitment to a user: keccak256(abi.encode(DOMAIN, app, salt, keccak256(id))), computed here and never elsewhere.
  const hex = (bytes) => "0x" + [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const unhex = (text, length) => {
    const digits = text.trim().replace(/^0x/i, "");
    if (!/^[0-9a-f]*$/i.test(digits) || digits.length !== 2 * length) return null;
    return Uint8Array.from({ length }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  };
  const commitment = (app, salt, user) => {
    const text = (it) => keccak256(new TextEncoder().encode(it));
    const words = new Uint8Array(128);
    words.set(text("devproof user commitment v1"), 0);
    words.set(app, 32 + 12);
    words.set(salt, 64);
    words.set(text(user), 96);
    return hex(keccak256(words));
  };
  const lookup = () => {
    const form = document.getElementById("lookup");
    if (!form) return;
    form.querySelector(".no-script").hidden = true;
    form.querySelector("button").disabled = false;
    const note = form.querySelector("[role=alert]");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const field = (name) => form.querySelector(`#lookup-${name}`);
      const app = unhex(field("app").value, 20);
      const salt = unhex(field("salt").value, 32);
      const wrong = !app ? [field("app"), "The app id is 0x and 40 hexadecimal digits."]
        : !salt ? [field("salt"), "The salt is 0x and 64 hexadecimal digits."]
        : null;
      note.hidden = !wrong;
      if (wrong) {
        note.textContent = wrong[1];
        wrong[0].focus();
        return;
      }
      const address = new URL("/deletions", location.href);
      const chain = document.getElementById("chain").value;
      if (chain) address.searchParams.set("chain", chain);
      address.searchParams.set("commitment", commitment(app, salt, field("user").value));
      location.assign(address);
    });
  };

  const dress = (of) => { local(of); copyable(of); tick(); };
  document.documentElement.classList.add("script");
  dress(document);
  timeline();
  lookup();
  setInterval(tick, 1000);
})();
