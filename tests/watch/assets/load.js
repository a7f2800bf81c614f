// A gentle load: one PUT and two GETs a second, of five small objects. The page makes it, so it ends
// with the page.
import {ask, mayAct, store} from "./actions.js";
import {put, random} from "./objects.js";
import {alive} from "./picture.js";
import {t} from "./text.js";

const button = document.getElementById("load");
const count = document.getElementById("load-count");
let timer = null, sent = 0, failed = 0, at = 0;

async function one() {
	const name = `load-${Math.floor(at / 3) % 5 + 1}`;
	const isPut = at++ % 3 === 0;
	sent++;
	try {
		if (isPut) await put(name, random(20_000), "");
		else await (await ask("GET", store(`/objects/${name}`, alive))).arrayBuffer();
	} catch {
		failed++;
	}
	count.textContent = t("load_on", sent, failed);
}

button.disabled = !mayAct;
button.addEventListener("click", () => {
	if (timer === null) {
		sent = failed = 0;
		timer = setInterval(one, 333);
	} else {
		clearInterval(timer);
		timer = null;
	}
	button.setAttribute("aria-pressed", timer !== null);
	button.textContent = t(timer === null ? "load_start" : "load_stop");
});
