// The texts of the page in its language, and what the page knows of the chapter.
const texts = JSON.parse(document.getElementById("texts").textContent);
export const setup = JSON.parse(document.getElementById("setup").textContent);

// t returns a text, with {0}, {1} … replaced.
export function t(key, ...values) {
	return texts[key].replace(/\{(\d)\}/g, (_, i) => values[i]);
}

// size returns a number of bytes as people read it.
export function size(bytes) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let unit = 0;
	for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
	return `${unit === 0 ? bytes : bytes.toFixed(bytes < 100 ? 1 : 0)} ${units[unit]}`;
}

// element returns an HTML element with properties and children.
export function element(tag, properties = {}, ...children) {
	const e = Object.assign(document.createElement(tag), properties);
	e.append(...children);
	return e;
}

// sign is a state without colour.
export const sign = {
	alive: "●", frozen: "‖", dead: "✕", starting: "◔", unready: "◌",
	intact: "✓", corrupt: "✕", missing: "–", unverified: "●", repairing: "↻",
};

// tag returns a state as a sign, a word and a colour.
export function tag(state) {
	return element("span", {className: `tag ${state}`}, `${sign[state]} ${t(state)}`);
}
