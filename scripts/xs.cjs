// Builds the test host that runs the firmware on XS (test-host/xs): fetches the engine's sources from npm, compiles them
// once, and emits the firmware's modules as the ES modules that the host loads. Needs npm, tar and a C compiler.
// With TLS the host has mbedTLS from Debian and the firmware's own filter on it (modules/transport/tls).
// Used by npm test, npm run budget and scripts/station --engine xs; `node scripts/xs.cjs [32|64|asan] [tls]` prints where the
// host is.
"use strict";
const { createHash } = require("node:crypto");
const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { Missing, foreignTls, install, onPath, ownTls, tlsSources } = require("./debian.cjs");
const { ROOT, JS, emit } = require("./device.cjs");
const { release } = require("./release.cjs");

const OUT = path.join(ROOT, "build", "xs");
const HOST = path.join(ROOT, "test-host", "xs");

/** The engine: XS 13.3 with what is needed to make ROM. Its sources alone are used, none of the package's own code. */
const PACKAGE = "@agoric/xsnap@0.15.0";
const TARBALL = "agoric-xsnap-0.15.0.tgz";
const SHA512 = "ZBm4DZxbtfacxMHVVdJjZi0Y8zOxN77vpu1WwI5RWfPkaRh0aHkz/dVdTGKXalDNzWfz183lljKxlxl3/h0n+A==";

const DEFINES = ["-DINCLUDE_XSPLATFORM", '-DXSPLATFORM="platform.h"', "-DmxParse=1", "-DmxRun=1", "-DmxSloppy=1",
	"-DmxBoundsCheck=1", "-DmxNoConsole=1", "-DmxInstrument=1", "-DmxLockdown=1", "-DmxStress=1", "-DmxMetering=1"];
/** Sources of the engine that the host replaces or does without. */
const LEFT_OUT = new Set(["xsSnapshot.c", "xsDefaults.c"]);
const HOST_SOURCES = ["main.c", "memory.c", "rom.c", "ports.c", "census.c", "defaults.c"];
/** The firmware's own C, with TLS only. */
const TLS = path.join(ROOT, "modules", "transport", "tls");
const TLS_SOURCES = ["tls.c", "crypto.c"];
/** Those of the library's C files whose code depends on the lengths of its record buffers; they are all of libmbedtls.a. */
const TLS_RECORDS = /^(ssl_\w+|debug|net_sockets)\.c$/;
const TLS_LIBRARIES = ["libmbedtls.a", "libmbedx509.a", "libmbedcrypto.a"];

/** What can be built. 32 bits has the sizes of a microcontroller and is the one that counts memory. */
const VARIANTS = {
	32: { compiler: "i686-linux-gnu-gcc", objcopy: "i686-linux-gnu-objcopy", debian: ["gcc-i686-linux-gnu", "libc6-dev-i386-cross"], flags: ["-O1", "-msse2", "-mfpmath=sse"], link: ["-static"] },
	64: { compiler: "gcc", objcopy: "objcopy", debian: ["gcc", "libc6-dev"], flags: ["-O1"], link: [] },
	// Each chunk is an allocation of its own and free slots are poisoned, so that any use of what was collected ends the program.
	// The engine reads strings word by word, constants too, so globals have no borders.
	// Leaks are looked for by counting, not here: code in ROM is never given back.
	asan: { compiler: "gcc", objcopy: "objcopy", debian: ["gcc", "libc6-dev"], flags: ["-O1", "-g", "-fsanitize=address", "-fno-omit-frame-pointer", "--param", "asan-globals=0", "-DmxNoChunks=1", "-DmxPoisonSlots=1"],
		// What C does not define is looked for in our own files; the engine has its habits.
		ours: ["-fsanitize=undefined", "-fno-sanitize-recover=all"], link: ["-fsanitize=address,undefined"] },
};

function needCompiler(variant, say) {
	const { compiler, debian } = VARIANTS[variant];
	if (onPath(compiler)) return;
	const missing = `${compiler} is missing (Debian: apt-get install ${debian.join(" ")})`;
	install(debian, missing, "the compiler for the tests on XS, about 40 MB", say);
	if (!onPath(compiler)) throw new Missing(missing);
}

/** Folder of mbedTLS that the compiler of `variant` can link: include/ and the static libraries in lib/. */
function needTls(variant, say) {
	return variant === 32 ? foreignTls(OUT, say) : ownTls(say);
}

/** Folder of the engine's sources. */
function sources(say) {
	const folder = path.join(OUT, `engine-${createHash("sha256").update(SHA512).digest("hex").slice(0, 12)}`);
	if (fs.existsSync(path.join(folder, "sources"))) return folder;
	const draft = fs.mkdtempSync(path.join(os.tmpdir(), "xs-"));
	try {
		say(`fetching ${PACKAGE} (sources of the XS engine, 0.7 MB) …`);
		const packed = spawnSync("npm", ["pack", PACKAGE, "--pack-destination", draft, "--silent"], { encoding: "utf8" });
		const file = path.join(draft, TARBALL);
		if (packed.status !== 0 || !fs.existsSync(file)) throw new Missing(`npm pack ${PACKAGE} failed: ${(packed.stderr ?? "").trim().split("\n")[0]}`);
		const digest = createHash("sha512").update(fs.readFileSync(file)).digest("base64");
		if (digest !== SHA512) throw new Missing(`${PACKAGE} is not what it was: sha512 ${digest}`);
		if (spawnSync("tar", ["-xzf", file, "-C", draft]).status !== 0) throw new Missing(`${TARBALL} cannot be unpacked`);
		fs.mkdirSync(OUT, { recursive: true });
		const whole = `${folder}.${process.pid}`;
		fs.cpSync(path.join(draft, "package", "moddable", "xs"), whole, { recursive: true });
		fs.copyFileSync(path.join(draft, "package", "LICENSE"), path.join(whole, "LICENSE-xsnap"));
		try {
			fs.renameSync(whole, folder);
		} catch {
			fs.rmSync(whole, { recursive: true, force: true });
		}
		return folder;
	} finally {
		fs.rmSync(draft, { recursive: true, force: true });
	}
}

function run(program, args) {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
		let errors = "";
		child.stderr.on("data", (data) => (errors += data));
		child.on("error", reject);
		child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`${program}: ${errors.split("\n").find((line) => /error/.test(line)) ?? errors}`))));
	});
}

/**
 * Compiles the host unless that was done before with the same sources.
 * @param variant  32, 64 or "asan"
 * @param tls  true for one that speaks TLS, or the lengths of its record buffers: { input, output }
 * @returns path of the program
 * @throws Missing
 */
async function buildHost(variant, tls, say) {
	const { compiler, objcopy, flags, link, ours: more = [] } = VARIANTS[variant];
	const hash = createHash("sha256").update(JSON.stringify([SHA512, compiler, flags, link, DEFINES, more]));
	if (typeof tls === "object") hash.update(JSON.stringify(tls));
	if (tls) for (const file of [...TLS_SOURCES, "tls.h"]) hash.update(file).update(fs.readFileSync(path.join(TLS, file)));
	for (const file of fs.readdirSync(HOST).filter((name) => /\.[ch]$/.test(name)).sort()) hash.update(file).update(fs.readFileSync(path.join(HOST, file)));
	const program = path.join(OUT, `host-${variant}${tls ? "-tls" : ""}-${hash.digest("hex").slice(0, 12)}`, "xshost");
	if (fs.existsSync(program)) return runnable(variant, program, say);
	needCompiler(variant, say);
	const library = tls ? needTls(variant, say) : undefined;
	const engine = sources(say);
	const files = fs.readdirSync(path.join(engine, "sources"))
		.filter((name) => name.endsWith(".c") && !LEFT_OUT.has(name))
		.map((name) => path.join(engine, "sources", name));
	// Objects of the engine stay when only the host's files change.
	const settings = createHash("sha256").update(JSON.stringify([compiler, flags, DEFINES])).update(fs.readFileSync(path.join(HOST, "platform.h")));
	const objects = path.join(engine, `objects-${variant}-${settings.digest("hex").slice(0, 12)}`);
	const folder = path.dirname(program);
	const draft = `${folder}.${process.pid}`;
	fs.mkdirSync(objects, { recursive: true });
	fs.mkdirSync(draft, { recursive: true });
	const jobs = [];
	const made = [];
	const ours = [...HOST_SOURCES.map((name) => path.join(HOST, name)), ...(tls ? TLS_SOURCES.map((name) => path.join(TLS, name)) : [])];
	const lengths = typeof tls === "object" ? [`-DMBEDTLS_SSL_IN_CONTENT_LEN=${tls.input}`, `-DMBEDTLS_SSL_OUT_CONTENT_LEN=${tls.output}`] : [];
	const ourFlags = [...more, "-Wall", "-Wno-unused-parameter", ...(tls ? ["-DSTATION_TLS=1"] : []), ...lengths,
		...(library?.include === undefined ? [] : ["-isystem", library.include])];
	for (const file of [...files, ...ours]) {
		const isOurs = ours.includes(file);
		const object = path.join(isOurs ? draft : objects, path.basename(file).replace(/\.c$/, ".o"));
		made.push(object);
		if (fs.existsSync(object)) continue;
		const part = `${object}.${process.pid}`;
		jobs.push([file, object, part, [...flags, ...DEFINES, ...(isOurs ? ourFlags : ["-w"]), "-I", HOST, "-isystem", path.join(engine, "includes"),
			"-isystem", path.join(engine, "platforms"), "-isystem", path.join(engine, "sources"), "-c", file, "-o", part]]);
	}
	if (jobs.length > ours.length) say(`compiling the XS engine for ${variant === 32 ? "32 bits" : variant === 64 ? "64 bits" : "64 bits with AddressSanitizer"} (once, about 20 s) …`);
	// The largest first, so that no core waits at the end.
	jobs.sort((a, b) => fs.statSync(b[0]).size - fs.statSync(a[0]).size);
	const work = async () => {
		for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
			await run(compiler, job[3]);
			fs.renameSync(job[2], job[1]);
		}
	};
	await Promise.all(Array.from({ length: Math.max(1, os.cpus().length) }, work));
	// A copy of the library whose memory the host counts, and can refuse.
	const libraries = library === undefined ? [] : TLS_LIBRARIES.map((name) => path.join(draft, name));
	const count = (from, to) => run(objcopy, ["--redefine-sym", "calloc=tls_calloc", "--redefine-sym", "free=tls_free", from, to]);
	for (const file of libraries) await count(path.join(library.lib, path.basename(file)), file);
	if (typeof tls === "object") {
		const source = tlsSources(OUT, say);
		const objects = [];
		for (const name of fs.readdirSync(source).filter((file) => TLS_RECORDS.test(file))) {
			const object = path.join(draft, `record-${name.replace(/c$/, "o")}`);
			await run(compiler, [...flags, "-w", ...lengths, "-isystem", library.include, "-I", source, "-c", path.join(source, name), "-o", object]);
			await count(object, object);
			objects.push(object);
		}
		fs.rmSync(libraries[0]);
		await run("ar", ["rcs", libraries[0], ...objects]);
	}
	const natives = tls ? TLS_SOURCES.map((name) => name.replace(/c$/, "o")) : [];
	for (const file of natives) await count(path.join(draft, file), path.join(draft, file));
	await run(compiler, [...flags, ...link, ...made, ...libraries, "-o", path.join(draft, "xshost"), "-lm", "-lpthread"]);
	for (const name of fs.readdirSync(draft)) if (/\.[ao]$/.test(name) && !natives.includes(name)) fs.rmSync(path.join(draft, name));
	try {
		fs.renameSync(draft, folder);
	} catch {
		fs.rmSync(draft, { recursive: true, force: true });
	}
	return runnable(variant, program, say);
}

/** Who runs programs of 32 bits where the machine cannot; Debian's package has the same name. */
const EMULATOR = { program: "qemu-i386-static", debian: ["qemu-user-static"] };

const isEmulated = (program) => fs.existsSync(`${program}.elf`);

/** Sees to it that a host of 32 bits starts: where the kernel runs no such programs, an emulator does. */
function runnable(variant, program, say) {
	const starts = () => /^xs: /.test(spawnSync(program, [], { encoding: "utf8" }).stderr ?? "");
	if (variant !== 32 || starts()) return program;
	if (!onPath(EMULATOR.program)) {
		const missing = `this machine runs no programs of 32 bits, and ${EMULATOR.program} is missing (Debian: apt-get install ${EMULATOR.debian.join(" ")})`;
		install(EMULATOR.debian, missing, "to run programs of 32 bits, 60 MB", say);
	}
	try {
		fs.linkSync(program, `${program}.elf`);
	} catch (error) {
		// It has its second name from another process.
		if (error.code !== "EEXIST") throw error;
	}
	const draft = `${program}.${process.pid}`;
	fs.writeFileSync(draft, `#!/bin/sh\nexec ${EMULATOR.program} "$0.elf" "$@"\n`, { mode: 0o755 });
	fs.renameSync(draft, program);
	if (!starts()) throw new Missing(`${program} does not start`);
	return program;
}

/** Modules that `id` imports, by the text of its emitted file. */
function importsOf(id) {
	const text = fs.readFileSync(path.join(JS, `${id}.js`), "utf8");
	return [...text.matchAll(/^(?:import|export)\b[^"';]*?(?:from\s*)?["'](\.[^"']+)\.js["'];/gm)].map((match) =>
		path.posix.join(path.posix.dirname(id), match[1]));
}

/**
 * The preload lists of the manifests, without what needs a device, and with the main modules of the tests; what is imported
 * comes before what imports it, so that the ROM of each module can be told.
 */
function preloadList() {
	const manifests = [path.join(ROOT, "manifest.json"), path.join(TLS, "manifest.json")];
	const preloads = manifests.flatMap((file) => JSON.parse(fs.readFileSync(file, "utf8")).preload);
	const listed = [...preloads.filter((id) => /^(preload|modules)\//.test(id)), MAIN, ...OTHER_MAINS];
	const ordered = [];
	const seen = new Set();
	const visit = (id) => {
		if (seen.has(id)) return;
		seen.add(id);
		for (const imported of importsOf(id)) if (listed.includes(imported)) visit(imported);
		ordered.push(id);
	};
	listed.forEach(visit);
	return ordered;
}

/** The module whose default export makes the firmware on XS. */
const MAIN = "test-host/xs/firmware/main";
/** Firmware for tests of one part. */
const OTHER_MAINS = ["test-host/xs/firmware/tls-client"];

/** The preload list of a build, in a file of its own. */
function listFile(build, ids) {
	const file = path.join(OUT, `${build}.txt`);
	const text = ids.map((id) => `${id}\n`).join("");
	if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) fs.writeFileSync(file, text);
	return file;
}

/**
 * Everything that is needed to run the firmware on XS.
 * @param variant  32, 64, "asan", or "quick" for 32 unless that has to be emulated, else 64
 * @param say  told about progress in one line
 * @param tls  true for a host that speaks TLS, or the lengths of its record buffers: { input, output }
 * @param build  "release" is what ships, "development" has the modules as they are in the sources
 * @returns {{ host: string, bits: number, root: string, list: string, main: string }}
 * @throws Missing with one line when a tool is missing
 */
async function prepare(variant = 32, say = () => undefined, tls = false, build = "release") {
	emit();
	let built = variant === "quick" ? 32 : variant;
	let host = await buildHost(built, tls, say);
	if (variant === "quick" && isEmulated(host)) host = await buildHost((built = 64), tls, say);
	const bits = built === 32 ? 32 : 64;
	if (build === "development") return { host, bits, root: JS, list: listFile(build, preloadList()), main: MAIN };
	const { root, modules } = await release(say);
	return { host, bits, root, list: listFile(build, [...modules, MAIN, ...OTHER_MAINS]), main: MAIN };
}

module.exports = { Missing, prepare };

if (require.main === module) {
	prepare(process.argv[2] === "asan" ? "asan" : Number(process.argv[2] ?? 32), (line) => process.stderr.write(`${line}\n`), process.argv[3] === "tls").then(
		(ready) => process.stdout.write(`${JSON.stringify(ready)}\n`),
		(error) => {
			process.stderr.write(`${error instanceof Missing ? error.message : error.stack}\n`);
			process.exit(1);
		});
}
