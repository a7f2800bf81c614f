// The picture: client, API services, broker, Elasticsearch, data services, and the wires between them.
import {act, mayAct} from "./actions.js";
import {element, setup, sign, size, t} from "./text.js";

const byID = (id) => document.getElementById(id);
const svg = byID("picture"), tools = byID("tools");
const width = 1080, row = 64, gap = 8;
const nodes = {}; // by name: the parts that change
const wires = {}; // by "from to"
let selected = null;
let latest = {};

function shape(tag, attributes, parent, text) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
	if (text !== undefined) e.textContent = text;
	parent.append(e);
	return e;
}

function wire(name, from, to, dashed) {
	const bend = (to.x - from.x) / 2;
	const d = `M${from.x} ${from.y} C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
	wires[name] = shape("path", {d, class: dashed ? "wire dashed" : "wire"}, svg);
}

function node(name, x, y, w, h, title) {
	const g = shape("g", {class: "node", tabindex: 0, role: "button", "aria-pressed": "false", "data-name": name}, svg);
	shape("rect", {class: "box", x, y, width: w, height: h, rx: 8}, g);
	nodes[name] = {
		g, x, y, w, h,
		sign: shape("text", {class: "sign", x: x + 14, y: y + 23}, g),
		word: shape("text", {class: "word", x: x + w - 14, y: y + 23}, g),
		note: shape("text", {class: "muted", x: x + 34, y: y + 43}, g),
		more: shape("text", {class: "muted", x: x + 34, y: y + 58}, g),
		chips: shape("g", {}, g),
	};
	shape("text", {x: x + 34, y: y + 23}, g, title);
	g.addEventListener("click", () => select(name));
	g.addEventListener("keydown", (event) => {
		if (event.key === "Enter" || event.key === " ") {
			event.preventDefault();
			select(name);
		}
	});
}

// draw is called once, with the first state.
function draw(state) {
	const data = state.services.filter((s) => !setup.api.includes(s.name));
	const api = state.services.filter((s) => setup.api.includes(s.name));
	const height = Math.max(data.length * (row + gap) - gap, setup.has.broker ? 330 : 96) + 4;
	svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
	const middle = height / 2, apiTop = middle - (api.length * 90 - 22) / 2;
	const apiAt = (i) => apiTop + i * 90 + 34;
	const dataAt = (i) => 2 + i * (row + gap) + row / 2 + (height - 4 - (data.length * (row + gap) - gap)) / 2;
	const apiX = setup.has.broker ? 190 : 400, hub = {x: 640, y: middle};
	const brokerAt = {y: Math.max(40, middle - 150)}, searchAt = {y: Math.min(height - 40, middle + 150)};
	for (const [i, s] of api.entries()) {
		wire(`client ${s.name}`, {x: 142, y: middle}, {x: apiX, y: apiAt(i)});
		if (setup.has.broker) {
			wire(`${s.name} hub`, {x: apiX + 230, y: apiAt(i)}, hub);
			wire(`broker ${s.name}`, {x: apiX + 200, y: apiAt(i) - 34}, {x: 490, y: brokerAt.y}, true);
		}
		if (setup.has.versions) wire(`${s.name} elasticsearch`, {x: apiX + 200, y: apiAt(i) + 34}, {x: 490, y: searchAt.y});
	}
	for (const [i, s] of data.entries()) {
		wire(`hub ${s.name}`, hub, {x: 738, y: dataAt(i) + 8});
		wire(`${s.name} broker`, {x: 674, y: brokerAt.y}, {x: 738, y: dataAt(i) - 8}, true);
	}
	const client = shape("g", {}, svg);
	shape("rect", {class: "box", x: 2, y: middle - 32, width: 140, height: 64, rx: 8}, client);
	shape("text", {x: 20, y: middle - 4}, client, t("client"));
	shape("text", {class: "muted", x: 20, y: middle + 14}, client, t("client_note"));
	for (const [i, s] of api.entries()) node(s.name, apiX, apiAt(i) - 34, setup.has.broker ? 230 : 420, 68, s.name);
	if (setup.has.broker) node("broker", 490, brokerAt.y - 28, 184, 56, t("broker"));
	if (setup.has.versions) node("elasticsearch", 490, searchAt.y - 28, 184, 56, t("elasticsearch"));
	for (const [i, s] of data.entries()) node(s.name, 738, dataAt(i) - row / 2, 340, row, s.name);
}

// show brings the picture up to date.
export function show(state) {
	if (svg.childElementCount === 0) draw(state);
	for (const s of state.services) {
		const beat = s.beat ? t("beat", (s.beat.silent ? "> " : "") + s.beat.age.toFixed(1)) : "";
		const port = s.address.slice(s.address.lastIndexOf(":"));
		update(s, [port, s.note ?? beat].filter(Boolean).join(" · "), s.disk ? diskText(s.disk) : `pid ${s.pid}`);
	}
	for (const s of state.servers) update(s, setup.ours ? "" : t("given"), "");
	const all = [...state.services, ...state.servers];
	const changed = all.filter((s) => latest[s.name] && latest[s.name].state !== s.state);
	if (changed.length > 0) byID("said").textContent = changed.map((s) => `${s.name}: ${t(s.state)}`).join(", ");
	latest = Object.fromEntries(all.map((s) => [s.name, s]));
	if (selected) offer();
}

function diskText(disk) {
	const others = Object.entries(disk.others ?? {}).map(([dir, n]) => `${dir}/ ${n}`);
	return [`${disk.more ? "≥ " : ""}${size(disk.bytes)}`, t("files", disk.files), ...others].join(" · ");
}

function update(s, note, more) {
	const n = nodes[s.name];
	n.g.setAttribute("class", `node ${s.state}${s.name === selected ? " selected" : ""}`);
	n.g.setAttribute("data-state", s.state);
	n.g.setAttribute("aria-label", `${s.name}: ${t(s.state)}. ${note}. ${more}`);
	n.sign.textContent = sign[s.state];
	n.word.textContent = t(s.state);
	n.note.textContent = cut(note, 44);
	n.more.textContent = cut(more, 33);
}

// cut leaves as much of a text as there is room for. All of it is in the label.
const cut = (text, length) => text.length > length ? `${text.slice(0, length - 1)}…` : text;

// alive reports whether a service can be asked.
export const alive = (name) => latest[name]?.state === "alive";

// select shows the actions for a node.
function select(name) {
	selected = name;
	for (const [other, n] of Object.entries(nodes)) {
		n.g.classList.toggle("selected", other === name);
		n.g.setAttribute("aria-pressed", other === name);
	}
	tools.replaceChildren(element("b", {}, nodes[name].g.dataset.name));
	const isServer = !("pid" in latest[name]);
	for (const action of isServer ? ["restart", "stop", "start"] : ["kill", "freeze", "thaw", "stop", "start"]) {
		const button = element("button", {type: "button", textContent: t(action)});
		button.dataset.action = action;
		button.addEventListener("click", () => act(`/${isServer ? "servers" : "services"}/${name}/${action}`));
		tools.append(button);
	}
	offer();
}

// offer enables the actions that are possible now.
function offer() {
	const {state, pid} = latest[selected];
	for (const button of tools.querySelectorAll("button")) {
		const action = button.dataset.action;
		const possible = {start: state === "dead", thaw: state === "frozen", freeze: state !== "frozen" && state !== "dead"}[action] ?? state !== "dead";
		button.disabled = !mayAct || !possible || pid === undefined && !setup.ours;
	}
}

// chips shows the pieces of the chosen object on the data services that have them.
export function chips(pieces) {
	for (const n of Object.values(nodes)) n.chips.replaceChildren();
	const held = Object.groupBy(pieces.filter((p) => p.service), (p) => p.service);
	for (const [name, list] of Object.entries(held)) {
		const n = nodes[name];
		if (!n) continue;
		const long = list.length === 1, w = long ? 86 : 34;
		for (const [i, p] of list.entries()) {
			const x = n.x + n.w - 12 - (i + 1) * (w + 4) + 4, y = n.y + 33;
			const chip = shape("g", {class: `chip ${p.state}`}, n.chips);
			const label = p.shard < 0 ? t("file") : long ? `${t("shard")} ${p.shard}` : p.shard;
			shape("rect", {x, y, width: w, height: 22, rx: 11}, chip);
			shape("text", {x: x + w / 2, y: y + 15.5}, chip, `${label} ${sign[p.state]}`);
			shape("title", {}, chip, `${label}: ${t(p.state)}, ${size(p.size)}`);
		}
	}
}

// flash shows that something passes over a wire.
export function flash(...names) {
	for (const name of names) {
		const w = wires[name];
		if (!w) continue;
		w.classList.add("busy");
		clearTimeout(w.timer);
		w.timer = setTimeout(() => w.classList.remove("busy"), 350);
	}
}
