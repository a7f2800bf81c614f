// Reed-Solomon by hand. All arithmetic is that of the chapter's package rs, in WebAssembly; this module
// only asks it. Its functions are linear, so the matrix is what they make of unit vectors.
import {element, t} from "./text.js";

const byID = (id) => document.getElementById(id);
const dataShards = 4, shards = 6;
const hex = (bytes) => bytes.map((b) => b.toString(16).padStart(2, "0")).join(" ");
const unit = (i, length) => Array.from({length}, (_, j) => i === j ? 1 : 0);
let rs = null, matrix = [];
const lost = new Set();

async function load() {
	byID("hand-status").textContent = t("hand_building");
	try {
		const program = await fetch("hand.wasm");
		if (!program.ok) throw new Error(await program.text());
		await import(new URL("../wasm_exec.js", import.meta.url));
		const go = new Go();
		const {instance} = await WebAssembly.instantiateStreaming(program, go.importObject);
		go.run(instance);
		rs = globalThis.rs;
		const columns = Array.from({length: dataShards}, (_, i) => rs.encode(unit(i, dataShards)));
		matrix = Array.from({length: shards}, (_, row) => columns.map((column) => column[row][0]));
		byID("hand-status").textContent = "";
		show();
	} catch (error) {
		byID("hand-status").textContent = t("hand_failed", error.message);
	}
}

function show() {
	const data = [...new TextEncoder().encode(byID("hand-text").value || " ")];
	const blocks = rs.encode(data);
	const used = [...blocks.keys()].filter((i) => !lost.has(i)).slice(0, dataShards);
	byID("hand-table").hidden = false;
	const focused = document.activeElement?.dataset?.shard;
	byID("hand-table").tBodies[0].replaceChildren(...blocks.map((block, i) => shardRow(block, i, used)));
	if (focused) byID("hand-table").querySelector(`button[data-shard="${focused}"]`)?.focus();
	byID("hand-result").replaceChildren(...explain(blocks, used, data.length));
}

function shardRow(block, i, used) {
	const gone = lost.has(i);
	const button = element("button", {type: "button", textContent: t(gone ? "hand_back" : "hand_take")});
	button.dataset.shard = i;
	button.setAttribute("aria-label", `${button.textContent}: ${t("shard")} ${i}`);
	button.addEventListener("click", () => {
		if (!lost.delete(i)) lost.add(i);
		show();
	});
	const row = element("tr", {className: gone ? "lost" : lost.size > 0 && used.includes(i) ? "used" : ""},
		element("td", {}, t(i < dataShards ? "shard_data" : "shard_parity", i)),
		element("td", {}, hex(matrix[i]) + (lost.size > 0 && !gone && used.includes(i) ? ` ← ${t("hand_used")}` : "")),
		element("td", {}, gone ? `${hex(block)} (${t("hand_lost")})` : hex(block)),
		element("td", {}, button));
	return row;
}

function explain(blocks, used, length) {
	if (lost.size === 0) return [element("p", {}, t("hand_whole"))];
	if (used.length < dataShards) return [element("p", {className: "bad"}, t("hand_toomany"))];
	const present = (of) => blocks.map((_, i) => used.includes(i) ? of(i) : null);
	const rebuilt = rs.rebuild(present((i) => blocks[i]));
	const cut = rebuilt.length / dataShards;
	const made = rs.encode(rebuilt);
	const parts = [];
	const lostData = [...lost].filter((i) => i < dataShards).sort();
	if (lostData.length > 0) {
		// Column k of the inverse is what comes of shard used[k] being 1 and the others 0.
		const columns = used.map((_, k) => rs.rebuild(present((i) => [i === used[k] ? 1 : 0])));
		parts.push(element("p", {}, t("hand_rows", used.join(", "))),
			element("pre", {}, ...lostData.map((i) => equation(i, columns.map((c) => c[i]), used, rebuilt.slice(i * cut, (i + 1) * cut)))));
	}
	const lostParity = [...lost].filter((i) => i >= dataShards).sort();
	if (lostParity.length > 0) {
		parts.push(element("p", {}, t("hand_parity")),
			element("pre", {}, ...lostParity.map((i) => equation(i, matrix[i], [0, 1, 2, 3], made[i]))));
	}
	const text = new TextDecoder().decode(new Uint8Array(rebuilt.slice(0, length)));
	const result = element("p", {id: "hand-back"}, t("hand_result", text));
	return [...parts, result];
}

function equation(shard, weights, from, block) {
	const terms = weights.map((w, k) => [w, from[k]]).filter(([w]) => w !== 0).map(([w, s]) => `${hex([w])}·${t("shard")} ${s}`);
	return `${t("shard")} ${shard} = ${terms.join(" + ")} = ${hex(block)}\n`;
}

// start loads the program when the panel is opened first.
export function start() {
	byID("hand").addEventListener("toggle", () => {
		if (byID("hand").open && rs === null) load();
	});
	byID("hand-text").addEventListener("input", () => rs && show());
}
