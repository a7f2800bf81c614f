// Requests and messages as they pass, slowly enough to follow, and the counters.
import {flash} from "./picture.js";
import {element, setup, t} from "./text.js";

const pause = document.getElementById("pause");
const beats = document.getElementById("beats");
let paused = false;

pause.addEventListener("click", () => {
	paused = !paused;
	pause.setAttribute("aria-pressed", paused);
	pause.textContent = t(paused ? "resume" : "pause");
});

// slow returns a function that adds lines to a list, one every 120 ms, the newest on top. While more
// wait than a reader can follow, the oldest are only counted.
function slow(list) {
	const waiting = [];
	let skipped = 0;
	setInterval(() => {
		if (paused || waiting.length === 0) return;
		if (skipped > 0) list.prepend(element("li", {className: "who"}, t("skipped", skipped)));
		skipped = 0;
		const {line, pass} = waiting.shift();
		list.prepend(line);
		pass();
		while (list.children.length > 200) list.lastChild.remove();
	}, 120);
	return (line, pass, left = 0) => {
		waiting.push({line, pass});
		skipped += left;
		while (waiting.length > 40) {
			waiting.shift();
			skipped++;
		}
	};
}

const addRequest = slow(document.getElementById("requests"));
const addMessage = setup.has.broker ? slow(document.getElementById("messages")) : null;

// short leaves the beginning of a hash.
const short = (text) => text.replace(/[0-9a-f]{40,64}/g, (hash) => `${hash.slice(0, 8)}…`);

export function requests({items, skipped}) {
	for (const r of items) {
		const line = element("li", {title: r.path ?? r.note}, element("span", {className: "who"}, `${r.time.slice(11, 19)} ${r.service.padEnd(14)} `));
		if (r.method) {
			const bad = r.status >= 400 ? "bad" : "";
			line.append(`${r.method} ${short(decode(r.path))} `, element("span", {className: bad}, `${r.status}`), ` ${r.ms.toFixed(1)} ms`);
		}
		if (r.note) line.append(element("span", {className: "note"}, ` ${short(r.note)}`));
		const isAPI = setup.api.includes(r.service);
		addRequest(line, () => r.method && flash(...(isAPI
			? [`client ${r.service}`, `${r.service} hub`, `${r.service} elasticsearch`] : [`hub ${r.service}`])), skipped);
		skipped = 0;
	}
}

function decode(path) {
	try {
		return decodeURIComponent(path);
	} catch {
		return path;
	}
}

// messages takes the addresses of data services by name from the latest state.
export function messages({items}, services) {
	for (const m of items ?? []) {
		const data = services.filter((s) => !setup.api.includes(s.name));
		const isBeat = m.exchange === "apiServers";
		const sender = data.find((s) => s.address === m.body);
		const wires = isBeat ? [`${sender?.name} broker`] : [...data.map((s) => `${s.name} broker`), ...setup.api.map((name) => `broker ${name}`)];
		if (isBeat && !beats.checked) {
			if (!paused) flash(...wires);
			continue;
		}
		const text = isBeat ? t("messages_beat", sender?.name ?? m.body) : t("messages_locate", short(m.body));
		const now = new Date().toTimeString().slice(0, 8);
		addMessage(element("li", {title: m.body}, element("span", {className: "who"}, `${now} ${m.exchange.padEnd(12)} `), text), () => flash(...wires));
	}
}

export function counters(c) {
	const set = (id, text) => {
		const e = document.getElementById(id);
		if (e) e.textContent = text;
	};
	const ms = (n) => c.puts + c.gets > 0 ? n.toFixed(n < 10 ? 1 : 0) : "–";
	set("puts", c.puts.toFixed(1));
	set("gets", c.gets.toFixed(1));
	set("p50", ms(c.p50));
	set("p99", ms(c.p99));
	set("repairs", c.repairs);
}
