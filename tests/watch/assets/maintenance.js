// What GET /maintenance reports, as a list of terms.
import {element, size, t} from "./text.js";

const byID = (id) => document.getElementById(id);

// when leaves the date out: maintenance of a store that one looks at is not long ago.
const when = (time) => time.startsWith("0001") ? "–" : new Date(time).toLocaleTimeString(document.documentElement.lang);

const scanning = (report) => report.cursor ? t("upkeep_scanning", report.cursor.slice(0, 8)) : when(report.scanEnded);

// terms are texts with the values of a report.
const terms = [
	["upkeep_passes", (r) => r.passes], ["upkeep_last", (r) => when(r.lastPass)], ["upkeep_contents", (r) => r.contents],
	["upkeep_versions", (r) => r.versionsRemoved], ["upkeep_orphans", (r) => r.orphansRemoved], ["upkeep_freed", (r) => size(r.bytesFreed)],
	["upkeep_scans", (r) => r.scans], ["upkeep_scanned", scanning], ["upkeep_checked", (r) => r.shards],
	["upkeep_missing", (r) => r.missing], ["upkeep_corrupt", (r) => r.corrupt], ["upkeep_repaired", (r) => r.repaired],
	["upkeep_surplus", (r) => r.surplus], ["upkeep_moved", (r) => r.moved], ["upkeep_lost", (r) => r.lost?.length ?? 0],
];

export function maintenance(report) {
	const off = report.passes + report.scans + report.shards === 0 && report.holder === "";
	byID("upkeep-holder").textContent = report.holder && t("upkeep_holder", report.holder.split(" ")[0]); // without its ID
	byID("upkeep-off").hidden = !off;
	byID("upkeep").replaceChildren(...terms.map(([name, value]) => {
		const term = element("div", {}, element("dt", {}, t(name)), element("dd", {}, `${value(report)}`));
		term.dataset.term = name.slice("upkeep_".length);
		return term;
	}));
	const texts = problems(report), list = byID("upkeep-problems");
	if ([...list.children].map((li) => li.textContent).join() === texts.join()) return; // read aloud once
	list.replaceChildren(...texts.map((text) => element("li", {}, text)));
}

// problems are what stopped the last pass, and what is lost.
function problems(report) {
	const lost = (report.lost ?? []).map(({hash, versions}) => {
		const names = (versions ?? []).map((v) => `${v.name} (${t("version")} ${v.version})`);
		return t("upkeep_lost_one", hash.slice(0, 8), names.join(", ") || "–");
	});
	return report.stopped ? [t("upkeep_stopped", report.stopped), ...lost] : lost;
}
