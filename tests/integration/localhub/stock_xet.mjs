// SPDX-License-Identifier: Apache-2.0
// A stock @huggingface/hub against the local Hub's CAS. Run by stock_xet_test.py; argv: the library, the Hub's URL, a folder.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const hub = await import(process.argv[2]);
const [hubUrl, folder] = process.argv.slice(3);
const alice = { hubUrl, accessToken: "hf_alice" };
const repo = "alice/js";
const names = ["a.bin", "b.bin", "zeros.bin"];
const bytes = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(`${folder}/${name}`)])));

await hub.createRepo({ repo, ...alice });
await hub.uploadFiles({ repo, ...alice, useXet: true, files: [{ path: "a.bin", content: new Blob([bytes["a.bin"]]) }] });
await hub.uploadFiles({
	repo, ...alice, useXet: true,
	files: ["b.bin", "zeros.bin"].map((path) => ({ path, content: new Blob([bytes[path]]) })),
});
for (const path of names) {
	const info = await hub.fileDownloadInfo({ repo, path, ...alice });
	assert.ok(info.xet, `${path} has a Xet id`);
	assert.equal(info.size, bytes[path].length);
	const blob = await hub.downloadFile({ repo, path, ...alice });
	assert.ok(Buffer.from(await blob.arrayBuffer()).equals(bytes[path]), path);
	const part = await (await hub.downloadFile({ repo, path, ...alice })).slice(100_000, 700_001).arrayBuffer();
	assert.ok(Buffer.from(part).equals(bytes[path].subarray(100_000, 700_001)), `${path}, a slice`);
}
const listed = [];
for await (const entry of hub.listFiles({ repo, ...alice })) if (entry.xetHash) listed.push(entry.path);
assert.deepEqual(listed.sort(), names);
console.log("ok");
