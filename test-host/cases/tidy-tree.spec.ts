import { resolve } from "node:path";
import { checkTree } from "../../scripts/tidy.js";

describe("the tree", () => {
	it("the repository keeps the house rules", () => {
		const found = checkTree(resolve(__dirname, "../..")).map(({ file, line, message }) => `${file}:${line}: ${message}`);
		expect(found).toEqual([]);
	});
});
