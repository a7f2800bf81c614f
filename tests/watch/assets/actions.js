// What the reader does. Each action needs the token that is after the # of the printed address.
import {element, setup, t} from "./text.js";

if (location.hash.length > 10) {
	sessionStorage.token = location.hash.slice(1);
	history.replaceState(null, "", location.pathname + location.search); // no picture of the page has it
}
const headers = {"X-Token": sessionStorage.token ?? ""};
export const mayAct = headers["X-Token"] !== "";

// ask sends a request with the token. An answer that is no success becomes an error.
export async function ask(method, path, more = {}, body) {
	const answer = await fetch(path, {method, headers: {...headers, ...more}, body});
	if (!answer.ok) throw new Error(`${answer.status} ${(await answer.text()).trim()}`);
	return answer;
}

// act sends an action and shows the command that a reader would type for it.
export async function act(path) {
	try {
		const command = await (await ask("POST", path)).text();
		tell(command.startsWith("#") ? `${command}: ${t("commands_server")}` : command);
	} catch (error) {
		tell(path, error.message, true);
	}
}

// tell adds a command and what came of it to the list.
export function tell(command, result = "", bad = false) {
	const list = document.getElementById("commands");
	list.querySelector(".hint")?.remove();
	const line = element("li", {}, `$ ${command}`);
	if (result) line.append(element("div", {className: bad ? "bad" : "told"}, result));
	list.prepend(line);
	while (list.children.length > 50) list.lastChild.remove();
}

// store returns the path of a request to the store, through the chosen API service or each in turn.
let turn = 0;
export function store(path, alive) {
	const chosen = document.getElementById("via").value;
	const names = chosen ? [chosen] : setup.api.filter((name) => alive(name));
	const all = names.length > 0 ? names : setup.api;
	return `/store/${all[turn++ % all.length]}${path}`;
}

// digest returns the base64 of the SHA-256 of bytes.
export async function digest(bytes) {
	const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
	return btoa(String.fromCharCode(...sum));
}

// quote writes a word for a shell.
export function quote(word) {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
