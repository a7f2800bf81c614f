// The list of objects, putting and getting them, and where the pieces of the chosen one are.
import {act, ask, digest, mayAct, quote, requestID, tell, via} from "./actions.js";
import {alive, chips} from "./picture.js";
import {chosen as saved} from "./saving.js";
import {element, setup, size, t, tag} from "./text.js";

const byID = (id) => document.getElementById(id);
const maxFile = 256 << 20;
let objects = [], chosen = null; // chosen: {name, version}; version 0 is the newest
const written = new Map(); // files that an API service began to write, and when

const newest = (object) => object.versions.at(-1);
const path = (name) => `/objects/${encodeURIComponent(name)}`;

function versionOf(object) {
	return chosen?.name === object.name && chosen.version ? object.versions.find((v) => v.version === chosen.version) ?? newest(object) : newest(object);
}

export function list({objects: found, more}) {
	objects = found;
	const first = new Map(); // the first name of each content
	for (const o of objects) if (newest(o).hash && !first.has(newest(o).hash)) first.set(newest(o).hash, o.name);
	const focused = document.activeElement?.dataset?.key;
	byID("object-list").replaceChildren(...objects.map((o) => objectRow(o, first.get(newest(o).hash))));
	if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
	byID("objects-note").hidden = objects.length > 0 && !more;
	byID("objects-note").textContent = t(objects.length === 0 ? "objects_none" : "objects_more");
	if (!chosen && objects.length > 0) choose(objects[0].name);
	refresh();
}

function objectRow(o, same) {
	const v = versionOf(o), gone = setup.has.versions && v.hash === "";
	const name = button(o.name, `choose ${o.name}`, () => choose(o.name), false, `${t("choose")} ${o.name}`);
	name.className = "name";
	const cells = [element("td", {}, name)];
	if (same && same !== o.name) cells[0].append(element("small", {}, t("same", same)));
	if (setup.has.versions) cells.push(element("td", {}, versionSelect(o, v)));
	cells.push(element("td", {className: "number"}, gone ? t("deleted") : size(v.size)));
	cells.push(element("td", {},
		button(t("get"), `get ${o.name}`, () => get(o, v), !mayAct, `${t("get")} ${o.name}`),
		...(setup.has.versions ? [button(t("delete"), `delete ${o.name}`, () => remove(o.name), !mayAct || newest(o).hash === "", `${t("delete")} ${o.name}`)] : [])));
	const row = element("tr", {}, ...cells);
	row.classList.toggle("chosen", chosen?.name === o.name);
	return row;
}

function button(text, key, click, disabled, label) {
	const b = element("button", {type: "button", textContent: text, disabled, ariaLabel: label});
	b.dataset.key = key;
	b.addEventListener("click", click);
	return b;
}

function versionSelect(o, v) {
	const select = element("select", {ariaLabel: `${t("version")}, ${o.name}`},
		...o.versions.map((each) => element("option", {value: each.version, selected: each === v}, `${each.version}`)));
	select.dataset.key = `version ${o.name}`;
	select.addEventListener("change", () => {
		chosen = {name: o.name, version: Number(select.value)};
		list({objects});
	});
	return select;
}

function choose(name) {
	chosen = {name, version: 0};
	list({objects});
}

// The pieces.

let shown = "";
export async function refresh() {
	const {object, v, title} = current();
	const none = !object || setup.has.versions && v.hash === "";
	if (none) {
		byID("chosen").textContent = title;
		byID("pieces").hidden = true;
		byID("pieces-note").hidden = false;
		byID("pieces-note").textContent = t(object ? "chosen_deleted" : "chosen_none");
		chips([]);
		saved([]);
		shown = "";
		return;
	}
	const answer = await fetch(`pieces?${new URLSearchParams({name: object.name, hash: v.hash})}`);
	if (!answer.ok) return;
	const pieces = (await answer.json()).map(repairing);
	if (current().title !== title) return; // another one was chosen meanwhile
	byID("chosen").textContent = title;
	byID("pieces").hidden = false;
	byID("pieces-note").hidden = true;
	chips(pieces);
	saved(pieces);
	if (JSON.stringify(pieces) === shown) return;
	shown = JSON.stringify(pieces);
	const focused = document.activeElement?.dataset?.key;
	byID("piece-list").replaceChildren(...pieces.map(pieceRow));
	if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function current() {
	const object = objects.find((o) => o.name === chosen?.name);
	const v = object && versionOf(object);
	return {object, v, title: object ? object.name + (v.version ? ` · ${t("version")} ${v.version}` : "") : ""};
}

// repairing says so of a damaged piece while an API service writes it anew.
function repairing(p) {
	const begun = written.get(p.file);
	const busy = (p.state === "missing" || p.state === "corrupt") && begun && Date.now() - begun < 5000;
	return busy ? {...p, state: "repairing"} : p;
}

// writes looks for uploads of shards among requests: POST /temp/FILE on a data service.
export function writes({items}) {
	for (const r of items) {
		const file = r.path?.match(/^\/temp\/([0-9a-f]{64}(\.\d)?)$/)?.[1];
		if (file && r.method === "POST" && Date.now() - Date.parse(r.time) < 5000) written.set(file, Date.now());
		if (written.size > 1000) written.clear();
	}
}

function pieceRow(p) {
	const what = p.shard < 0 ? p.file : t(p.shard < 4 ? "shard_data" : "shard_parity", p.shard);
	const label = p.shard < 0 ? "" : `${t("shard")} ${p.shard}`;
	const actions = p.service ? [
		button(t("delete"), `rm ${p.file} ${p.service}`, () => change(p, "delete"), !mayAct, `${t("delete")} ${label}`),
		button(t("damage"), `dd ${p.file} ${p.service}`, () => change(p, "corrupt"), !mayAct, `${t("damage")}, ${label}`),
	] : [];
	const row = element("tr", {},
		element("td", {title: p.file}, what.length > 30 ? `${what.slice(0, 12)}…` : what), element("td", {}, p.service ?? ""),
		element("td", {className: "number"}, p.service ? size(p.size) : ""), element("td", {}, tag(p.state)), element("td", {}, ...actions));
	row.dataset.shard = p.shard;
	row.dataset.state = p.state;
	return row;
}

async function change(piece, action) {
	await act(`/services/${piece.service}/files/${encodeURIComponent(piece.file)}/${action}`);
	refresh();
}

// Requests to the store.

async function get(object, v) {
	const query = setup.has.versions ? `?version=${v.version}` : "";
	const api = via(alive), url = setup.urls[api] + path(object.name) + query;
	const begun = performance.now();
	try {
		const answer = await ask("GET", `/store/${api}${path(object.name)}${query}`);
		const bytes = await answer.arrayBuffer();
		let result = t("got", object.name, size(bytes.byteLength), Math.round(performance.now() - begun));
		if (v.hash) result += t(await digest(bytes) === v.hash ? "got_right" : "got_wrong");
		tell(`curl -fsS ${quote(url)} -o /tmp/${quote(encodeURIComponent(object.name))}`, result, false, requestID(answer));
	} catch (error) {
		tell(`curl -fsS ${quote(url)}`, error.message, true);
	}
}

async function remove(name) {
	const api = via(alive), command = `curl -fsS -X DELETE ${quote(setup.urls[api] + path(name))}`;
	try {
		tell(command, "", false, requestID(await ask("DELETE", `/store/${api}${path(name)}`)));
	} catch (error) {
		tell(command, error.message, true);
	}
}

// put stores bytes under a name, and returns the answer.
export async function put(name, bytes, api = via(alive)) {
	const headers = setup.has.versions ? {Digest: `SHA-256=${await digest(bytes)}`} : {};
	return ask("PUT", `/store/${api}${path(name)}`, headers, new Blob([bytes]));
}

// putCommand is what one types for a PUT. data is an option of curl, sum the base64 of the SHA-256.
function putCommand(data, sum, url) {
	const header = setup.has.versions ? ` -H "Digest: SHA-256=${sum}"` : "";
	return `curl -fsS -X PUT ${data}${header} ${url}`;
}

// putMade is that for random bytes, of which the shell makes others.
export function putMade(length, file, url) {
	const sum = `$(openssl dgst -sha256 -binary ${file} | base64)`;
	return `head -c ${length} /dev/urandom > ${file}; ${putCommand(`--data-binary @${file}`, sum, url)}`;
}

// putAndTell gets the command from a function of the address.
async function putAndTell(name, bytes, command) {
	const api = via(alive), typed = await command(quote(setup.urls[api] + path(name)));
	try {
		tell(typed, "", false, requestID(await put(name, bytes, api)));
		chosen = {name, version: 0};
	} catch (error) {
		tell(typed, error.message, true);
	}
}

export function random(length) {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65536, length)));
	return bytes;
}

async function putFile(name, file) {
	if (file.size > maxFile) return tell(`# ${file.name}`, t("put_large"), true);
	const bytes = new Uint8Array(await file.arrayBuffer());
	await putAndTell(name, bytes, async (url) => putCommand(`--data-binary ${quote(`@${file.name}`)}`, await digest(bytes), url));
}

// start makes the form and drag and drop work.
export function start() {
	for (const name of setup.api) byID("via").append(element("option", {value: name}, name));
	byID("put-kind").addEventListener("change", () => {
		for (const kind of ["random", "text", "file"]) byID(`put-${kind}`).hidden = byID("put-kind").value !== kind;
	});
	byID("put").querySelector("button").disabled = !mayAct;
	byID("put").addEventListener("submit", (event) => {
		event.preventDefault();
		const name = byID("put-name").value;
		switch (byID("put-kind").value) {
		case "random": {
			const length = Number(byID("put-random").value);
			return putAndTell(name, random(length), (url) => putMade(length, "/tmp/random", url));
		}
		case "text": {
			const text = byID("put-text").value, bytes = new TextEncoder().encode(text);
			return putAndTell(name, bytes, async (url) => putCommand(`--data-raw ${quote(text)}`, await digest(bytes), url));
		}
		default:
			if (byID("put-file").files.length > 0) putFile(name, byID("put-file").files[0]);
		}
	});
	document.addEventListener("dragover", (event) => {
		event.preventDefault();
		document.body.classList.add("dropping");
	});
	document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
	document.addEventListener("drop", (event) => {
		event.preventDefault();
		document.body.classList.remove("dropping");
		if (mayAct) for (const file of event.dataTransfer.files) putFile(file.name, file);
	});
}
