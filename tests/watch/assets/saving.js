// What compression saved: of the chosen object, and of all.
import {element, setup, size, t} from "./text.js";

// chosen compares the shards of an object that are on a disk.
export function chosen(pieces) {
	const held = pieces.filter((p) => p.raw);
	const sum = (key) => held.reduce((n, p) => n + p[key], 0);
	show("saved-chosen", {raw: sum("raw"), stored: sum("size")});
}

export function total(saving) { show("saved-all", saving); }

function show(id, {raw, stored}) {
	if (!setup.has.compression) return;
	const row = document.getElementById(id), share = raw > 0 ? 1 - stored / raw : 0;
	if (row.dataset.stored === `${raw} ${stored}`) return;
	row.dataset.stored = `${raw} ${stored}`;
	row.dataset.share = share;
	const percent = `${share < 0 ? "−" : ""}${Math.abs(100 * share).toFixed(1)} %`;
	const meter = element("meter", {value: Math.max(share, 0), ariaLabel: t("saved")});
	const cells = raw > 0 ? [size(raw), size(stored), percent] : ["–", "–", "–"];
	row.replaceChildren(row.firstElementChild, ...cells.map((text) => element("td", {className: "number"}, text)), element("td", {}, meter));
}
