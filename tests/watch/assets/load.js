// A gentle load: one PUT and two GETs a second, of five small objects. The page makes it, so it ends
// with the page.
import {ask, mayAct, tell, via} from "./actions.js";
import {put, putMade, random} from "./objects.js";
import {alive} from "./picture.js";
import {setup, t} from "./text.js";

const button = document.getElementById("load");
const count = document.getElementById("load-count");
const pause = 333; // milliseconds between requests
const length = 20_000;
let running = false, sent = 0, failed = 0;

// run puts an object and gets it twice, then the next one, until the load is stopped.
async function run() {
	for (let at = 0; running; at++) {
		const name = `load-${Math.floor(at / 3) % 5 + 1}`;
		sent++;
		try {
			if (at % 3 === 0) await put(name, random(length));
			else await (await ask("GET", `/store/${via(alive)}/objects/${name}`)).arrayBuffer();
		} catch {
			failed++;
		}
		count.textContent = t("load_on", sent, failed);
		await new Promise((done) => setTimeout(done, pause));
	}
}

// command makes the same load in a shell.
function command() {
	const url = `${setup.urls[via(alive)]}/objects/load-$i`, pauses = (pause / 1000).toFixed(2);
	const gets = `for n in 1 2; do sleep ${pauses}; curl -fsS -o /dev/null ${url}; done`;
	return `i=0; while sleep ${pauses}; do i=$((i % 5 + 1)); ${putMade(length, "/tmp/load", url)}; ${gets}; done`;
}

button.disabled = !mayAct;
button.addEventListener("click", () => {
	running = !running;
	button.setAttribute("aria-pressed", running);
	button.textContent = t(running ? "load_stop" : "load_start");
	tell(running ? command() : "^C");
	if (running) {
		sent = failed = 0;
		run();
	}
});
