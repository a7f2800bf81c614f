// A gentle load: one PUT and two GETs a second, of five small objects. The page makes it, so it ends
// with the page.
import {ask, mayAct, via} from "./actions.js";
import {put, random} from "./objects.js";
import {alive} from "./picture.js";
import {t} from "./text.js";

const button = document.getElementById("load");
const count = document.getElementById("load-count");
const pause = 333; // milliseconds between requests
let running = false, sent = 0, failed = 0;

// run puts an object and gets it twice, then the next one, until the load is stopped.
async function run() {
	for (let at = 0; running; at++) {
		const name = `load-${Math.floor(at / 3) % 5 + 1}`;
		sent++;
		try {
			if (at % 3 === 0) await put(name, random(20_000), "");
			else await (await ask("GET", `/store/${via(alive)}/objects/${name}`)).arrayBuffer();
		} catch {
			failed++;
		}
		count.textContent = t("load_on", sent, failed);
		await new Promise((done) => setTimeout(done, pause));
	}
}

button.disabled = !mayAct;
button.addEventListener("click", () => {
	running = !running;
	button.setAttribute("aria-pressed", running);
	button.textContent = t(running ? "load_stop" : "load_start");
	if (running) {
		sent = failed = 0;
		run();
	}
});
