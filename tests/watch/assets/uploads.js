// Uploads under way: how far each has come.
import {element, t} from "./text.js";

const byID = (id) => document.getElementById(id);

export function uploads(list) {
	byID("uploads").hidden = list.length === 0;
	byID("uploads-none").hidden = list.length > 0;
	byID("upload-list").replaceChildren(...list.map(row));
}

function row(u) {
	const progress = element("progress", {value: u.offset, max: Math.max(u.size, 1), ariaLabel: t("uploads_progress", u.name)});
	const r = element("tr", {title: u.id},
		element("td", {}, u.name), element("td", {className: "number"}, `${u.offset}`), element("td", {className: "number"}, `${u.size}`),
		element("td", {}, progress, ` ${Math.floor(100 * u.offset / Math.max(u.size, 1))} %`), element("td", {className: "number"}, t("uploads_of", u.parts)));
	r.dataset.offset = u.offset;
	return r;
}
