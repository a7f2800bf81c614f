// The page: server-sent events come in, and go to the modules that show them.
import {mayAct} from "./actions.js";
import {start as startHand} from "./hand.js";
import "./load.js";
import {counters, messages, requests} from "./logs.js";
import {maintenance} from "./maintenance.js";
import {list, refresh, start as startObjects, writes} from "./objects.js";
import {show} from "./picture.js";
import {total} from "./saving.js";
import {setup, t} from "./text.js";
import {uploads} from "./uploads.js";

const connection = document.getElementById("connection");
let services = [];

document.getElementById("readonly").hidden = mayAct;
startObjects();
if (setup.has.shards) startHand();

const source = new EventSource("events");
const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
on("state", (state) => {
	services = state.services;
	connection.textContent = `● ${t("connected")}`;
	connection.className = "";
	show(state);
	counters(state.counters);
	if (state.saved) total(state.saved);
	refresh();
});
on("objects", list);
on("uploads", uploads);
on("maintenance", maintenance);
on("messages", (batch) => messages(batch, services));
on("requests", (batch) => {
	requests(batch);
	writes(batch);
});
source.addEventListener("error", () => {
	connection.textContent = `✕ ${t("disconnected")}`;
	connection.className = "bad";
});
