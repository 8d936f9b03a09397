// Which files make a release, and who knows them.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { ROOT } = require("../device.cjs");

/** The modules of a release. Whoever imports the firmware imports this one by its path in the sources. */
const STATION = "modules/station/station";
/** Used by boards while they are linked. */
const FREEZE = "preload/freeze";
/** Modules that stay as they are: what boards use, too, and what is a face of native code. */
const APART = [FREEZE, "modules/transport/tls/tls", "modules/transport/tls/crypto"];
/** Those who know the firmware from outside: what they name keeps its name, what they import is exported. */
const OUTSIDE = ["main.ts", "drivers", "boards", "modules/ports", "modules/transport/tls"];
/** Firmware of the test host that runs with the release; the others try parts that it does not show. */
const TESTS = ["test-host/xs/firmware/main", "test-host/xs/firmware/native", "test-host/xs/firmware/tls-client"];

/** Files with this ending, of a folder and those in it; a file stands for itself. */
function filesOf(place, extension) {
	const whole = path.join(ROOT, place);
	if (fs.statSync(whole).isFile()) return [place];
	return fs.readdirSync(whole, { withFileTypes: true }).flatMap((entry) => {
		if (entry.isDirectory()) return filesOf(`${place}/${entry.name}`, extension);
		return entry.name.endsWith(extension) ? [`${place}/${entry.name}`] : [];
	});
}

module.exports = { APART, FREEZE, OUTSIDE, STATION, TESTS, filesOf };
