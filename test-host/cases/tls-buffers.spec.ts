// TLS with the record buffers of the ESP32: the record layer of mbedTLS is compiled for them as boards/esp32-devkit/sdkconfig says.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import "../board/xs-globals.js";
import { SocketError } from "../../modules/ports/events.js";
import { XsTlsClient, type ClientSettings } from "../xs/tls-client.js";
import { endIdleEngines, projectRoot } from "../xs/xs-station.js";
import { between, ended, identity, leaf, NOW, PATIENCE_MS, root, serve } from "./tls-cases.js";
import { bareServer, Content } from "./tls-server.js";
import { xsPerFile } from "./xs-kit.js";

const text = readFileSync(join(projectRoot(), "boards", "esp32-devkit", "sdkconfig", "sdkconfig.defaults"), "utf8");
const setting = (name: string): number => Number(new RegExp(`^CONFIG_MBEDTLS_SSL_${name}_CONTENT_LEN=(\\d+)$`, "m").exec(text)?.[1]);
const BUFFERS = { input: setting("IN"), output: setting("OUT") };
const SETTINGS: ClientSettings = { inputBytes: BUFFERS.input, fragmentBytes: 2048 };
const TRUST = { roots: [root.der], utcMs: NOW, floorMs: NOW };

describe("TLS with the buffers of the ESP32", () => {
	const program = xsPerFile(32, BUFFERS);

	async function withClient(work: (client: XsTlsClient) => Promise<void>): Promise<void> {
		const client = new XsTlsClient(program());
		try {
			await work(client);
		} finally {
			client.end();
			endIdleEngines();
		}
	}

	it("a chain that is longer than the fragment is taken at the next attempt, though the library can offer no longer fragment", async () => {
		const own = leaf({ padding: 1500, issuer: between });
		const { server, port } = await serve({ ...identity(own, between), maxVersion: "TLSv1.2" }, (socket) => socket.pipe(socket));
		await withClient(async (client) => {
			expect(await client.connect(port, TRUST, SETTINGS)).toBe(SocketError.recordTooLarge);
			expect(await client.connect(port, TRUST, SETTINGS)).toBe(0);
			client.send(3000);
			await client.until((seen) => seen.received >= 3000 || seen.error !== 0);
			expect(client.seen).toEqual({ isOpen: true, error: 0, received: 3000, wrong: 0, sent: 3000 });
		});
		await ended(server);
	}, PATIENCE_MS);

	it("a record as long as the input is taken, a longer one is refused", async () => {
		for (const [bytes, expected] of [[BUFFERS.input, 0], [BUFFERS.input + 1, SocketError.recordTooLarge]]) {
			const bare = await bareServer([leaf()], {});
			await withClient(async (client) => {
				expect(await client.connect(bare.port, TRUST, SETTINGS)).toBe(0);
				bare.sessions[0].send(Content.data, Buffer.alloc(bytes));
				await client.until((seen) => seen.received >= bytes || seen.error !== 0);
				expect(client.seen.error).toBe(expected);
			});
			await bare.close();
		}
	}, PATIENCE_MS);
});
