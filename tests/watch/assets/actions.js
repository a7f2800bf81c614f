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
		tell(`# ${path}`, error.message, true);
	}
}

// tell adds a command and what came of it to the list, and a button to follow the request, if it has an ID.
export function tell(command, result = "", bad = false, id = "") {
	const list = document.getElementById("commands");
	list.querySelector(".hint")?.remove();
	const line = element("li", {}, command === "^C" ? command : `$ ${command}`);
	if (result) line.append(element("div", {className: bad ? "bad" : "told"}, result));
	if (id) line.append(" ", followButton(id));
	list.prepend(line);
	while (list.children.length > 50) list.lastChild.remove();
}

// followButton shows what all services have logged for a request.
function followButton(id) {
	const button = element("button", {type: "button", title: t("follow_title")}, t("follow"));
	button.addEventListener("click", async () => {
		const lines = await (await fetch(`requests/${id}`)).text();
		tell(`grep -h request_id=${id} ${quote(setup.logs)}/*.log | sort`, lines);
	});
	return button;
}

// requestID is that of an answer.
export const requestID = (answer) => answer.headers.get("X-Request-Id") ?? "";

// via returns the API service for the next request: the chosen one, or each that is alive in turn.
let turn = 0;
export function via(alive) {
	const chosen = document.getElementById("via").value;
	if (chosen) return chosen;
	const running = setup.api.filter(alive);
	const all = running.length > 0 ? running : setup.api;
	return all[turn++ % all.length];
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
