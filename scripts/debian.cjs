// What the tests take from Debian besides npm: compilers and mbedTLS, installed where that needs no question, or only fetched and
// unpacked below build/. Used by scripts/xs.cjs.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

/** The set-up is incomplete and cannot be completed here; the message is one line that says what is missing. */
class Missing extends Error {}

function onPath(program) {
	return (process.env.PATH ?? "").split(":").some((folder) => folder !== "" && fs.existsSync(path.join(folder, program)));
}

/** Installs packages from Debian where that is possible without asking anybody; else throws Missing(`missing`). */
function install(packages, missing, what, say) {
	const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
	if (process.platform !== "linux" || !onPath("apt-get") || (sudo.length > 0 && spawnSync("sudo", ["-n", "true"]).status !== 0)) {
		throw new Missing(missing);
	}
	const apt = (args) => {
		const [program, ...rest] = [...sudo, "apt-get", ...args];
		return spawnSync(program, rest, { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } }).status === 0;
	};
	say(`installing ${packages.join(" and ")} from Debian (${what}) …`);
	const install = ["install", "-y", "-q", "--no-install-recommends", ...packages];
	if (!apt(install) && !(apt(["update", "-q"]) && apt(install))) throw new Missing(missing);
}

/** The machine's own: Debian's libmbedtls-dev. */
function ownTls(say) {
	const where = () => {
		const found = spawnSync("gcc", ["-print-file-name=libmbedtls.a"], { encoding: "utf8" }).stdout?.trim() ?? "";
		return path.isAbsolute(found) && fs.existsSync("/usr/include/mbedtls/ssl.h") ? path.dirname(found) : undefined;
	};
	const missing = "libmbedtls-dev is missing (Debian: apt-get install libmbedtls-dev)";
	if (where() === undefined) install(["libmbedtls-dev"], missing, "mbedTLS for the tests of TLS", say);
	const lib = where();
	if (lib === undefined) throw new Missing(missing);
	return { include: undefined, lib };
}

/** Lists of where this machine has its packages from, as lists of where their sources are. */
function sourceLists() {
	const folder = "/etc/apt/sources.list.d";
	const files = ["/etc/apt/sources.list", ...(fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [])];
	return files.filter((file) => /\.(list|sources)$/.test(file) && fs.existsSync(file)).map((file) => {
		const text = fs.readFileSync(file, "utf8");
		return [path.basename(file), file.endsWith(".list") ? text.replace(/^deb(?=\s)/gm, "deb-src") : text.replace(/^(Types:).*$/gm, "$1 deb-src")];
	});
}

/**
 * Fetches from Debian without changing this machine, and unpacks below build/ unless that was done before.
 * @param folder  where it is in the end
 * @param settings  lines for apt
 * @param lists  lists of packages in place of the machine's: [name, text] each; empty for the machine's own
 * @param args  of apt-get
 * @param unpack  gets the folder with what came and the one to fill; false when it is not what was wanted
 */
function fetched(folder, settings, lists, args, unpack, missing) {
	if (fs.existsSync(folder)) return folder;
	if (process.platform !== "linux" || !onPath("apt-get")) throw new Missing(missing);
	const draft = fs.mkdtempSync(path.join(os.tmpdir(), "debian-"));
	const made = `${folder}.${process.pid}`;
	try {
		for (const name of ["lists/partial", "cache/archives/partial", "parts"]) fs.mkdirSync(path.join(draft, name), { recursive: true });
		fs.writeFileSync(path.join(draft, "status"), "");
		for (const [name, text] of lists) fs.writeFileSync(path.join(draft, "parts", name), text);
		const file = path.join(draft, "apt.conf");
		const places = lists.length === 0 ? [] : ['Dir::Etc::SourceList "/dev/null";', `Dir::Etc::SourceParts "${draft}/parts";`];
		fs.writeFileSync(file, [...settings, ...places, 'APT::Sandbox::User "";', `Dir::State "${draft}";`, `Dir::State::lists "${draft}/lists";`,
			`Dir::State::status "${draft}/status";`, `Dir::Cache "${draft}/cache";`, ""].join("\n"));
		const options = { cwd: draft, stdio: "ignore", env: { ...process.env, APT_CONFIG: file, DEBIAN_FRONTEND: "noninteractive" } };
		fs.mkdirSync(made, { recursive: true });
		// A mirror may be in the middle of its own update: asked twice. Places that have nothing of the kind are told as errors;
		// what counts is whether it comes.
		for (let tries = 0; tries < 2; tries++) {
			spawnSync("apt-get", ["update", "-q"], options);
			spawnSync("apt-get", args, options);
			if (!unpack(draft, made)) continue;
			try {
				fs.renameSync(made, folder);
			} catch {
				// Somebody else was faster.
			}
			return folder;
		}
		throw new Missing(missing);
	} finally {
		fs.rmSync(made, { recursive: true, force: true });
		fs.rmSync(draft, { recursive: true, force: true });
	}
}

/** The first file in `folder` whose name matches. */
function fileIn(folder, pattern) {
	const name = fs.readdirSync(folder).find((entry) => pattern.test(entry));
	return name === undefined ? undefined : path.join(folder, name);
}

/** libmbedtls-dev for 32 bits: only unpacked, so that the machine needs no second architecture. */
function foreignTls(out, say) {
	const folder = path.join(out, "mbedtls-i386");
	if (!fs.existsSync(folder)) say("fetching libmbedtls-dev for i386 from Debian (mbedTLS for the tests of TLS, 0.7 MB) …");
	fetched(folder, ['APT::Architecture "i386";', 'APT::Architectures { "i386"; };'], [], ["download", "-q", "libmbedtls-dev"], (draft, made) => {
		const file = fileIn(draft, /\.deb$/);
		return file !== undefined && spawnSync("dpkg-deb", ["-x", file, made], { stdio: "ignore" }).status === 0;
	}, "libmbedtls-dev for i386 cannot be fetched from Debian");
	return { include: path.join(folder, "usr", "include"), lib: path.join(folder, "usr", "lib", "i386-linux-gnu") };
}

/** Folder of the C files of the same library, for what is set when it is compiled. */
function tlsSources(out, say) {
	const folder = path.join(out, "mbedtls-source");
	if (!fs.existsSync(folder)) say("fetching the sources of mbedtls from Debian (buffers of other lengths, 4 MB) …");
	fetched(folder, [], sourceLists(), ["source", "--download-only", "-q", "mbedtls"], (draft, made) => {
		const file = fileIn(draft, /\.orig\.tar\.\w+$/);
		return file !== undefined && spawnSync("tar", ["-xf", file, "-C", made, "--strip-components=1"], { stdio: "ignore" }).status === 0;
	}, "the sources of mbedtls cannot be fetched from Debian");
	return path.join(folder, "library");
}

module.exports = { Missing, foreignTls, install, onPath, ownTls, tlsSources };
