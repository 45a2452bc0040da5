// SPDX-License-Identifier: Apache-2.0
// What a stock @huggingface/hub does with a Hub. Run by stock_js_test.py; argv: the library's entry, the Hub's URL.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

const hub = await import(process.argv[2]);
const hubUrl = process.argv[3];
const alice = { hubUrl, accessToken: "hf_alice" };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

// Reading: an LFS file, a regular one, a branch with a slash, a pull request, a missing file.
const info = await hub.fileDownloadInfo({ repo: "acme/model", path: "model.bin", hubUrl });
assert.equal(info.size, 3_000_000);
const model = await bytesOf(await hub.downloadFile({ repo: "acme/model", path: "model.bin", hubUrl }));
assert.equal(sha256(model), info.etag.replaceAll('"', ""));
const text = async (path, revision) => (await hub.downloadFile({ repo: "acme/model", path, revision, hubUrl })).text();
assert.equal(await text("config.json"), '{"revision": 2}');
assert.equal(await text("config.json", "v1"), '{"revision": 1}');
assert.equal(await text("branch.txt", "feat/x"), "branch");
assert.equal(await text("pr.txt", "refs/pr/1"), "pr");
assert.equal(await hub.downloadFile({ repo: "acme/model", path: "nothing.txt", hubUrl }), null);
assert.equal(await hub.fileExists({ repo: "acme/model", path: "config.json", hubUrl }), true);
assert.equal(await hub.fileExists({ repo: "acme/model", path: "nothing.txt", hubUrl }), false);

// Listing: pages, sub-folders, paths-info, commits, models, refused repos.
const listed = [];
for await (const entry of hub.listFiles({ repo: { type: "dataset", name: "acme/data" }, recursive: true, hubUrl })) listed.push(entry);
assert.equal(listed.length, 132);
const [one] = await hub.pathsInfo({ repo: "acme/model", paths: ["model.bin"], hubUrl });
assert.equal(one.lfs.oid, sha256(model));
const titles = [];
for await (const commit of hub.listCommits({ repo: "acme/model", hubUrl })) titles.push(commit.title);
assert.deepEqual(titles, ["second", "first"]);
assert.equal((await hub.modelInfo({ name: "acme/model", hubUrl })).name, "acme/model");
assert.equal((await hub.whoAmI(alice)).name, "alice");
await assert.rejects(hub.downloadFile({ repo: "acme/gated", path: "config.json", hubUrl }), (error) => error.statusCode === 401);
await assert.rejects(hub.modelInfo({ name: "acme/nothing", ...alice }), (error) => error.statusCode === 404);

// Writing.
const repo = "alice/from-js";
await hub.createRepo({ repo, ...alice });
const big = randomBytes(1_300_001);
const small = new TextEncoder().encode("small");
const done = await hub.uploadFiles({
	repo, ...alice, useXet: false, commitTitle: "from JavaScript",
	files: [{ path: "a/big.safetensors", content: new Blob([big]) }, { path: "small.txt", content: new Blob([small]) }],
});
assert.ok(done.commit.oid);
assert.equal(sha256(await bytesOf(await hub.downloadFile({ repo, path: "a/big.safetensors", ...alice }))), sha256(big));
assert.equal(await (await hub.downloadFile({ repo, path: "small.txt", ...alice })).text(), "small");
await hub.deleteFiles({ repo, paths: ["small.txt"], ...alice });
assert.equal(await hub.fileExists({ repo, path: "small.txt", ...alice }), false);
await hub.createBranch({ repo, branch: "dev", ...alice });
await hub.uploadFile({ repo, ...alice, branch: "dev", useXet: false, file: { path: "dev.txt", content: new Blob([small]) } });
assert.equal(await hub.fileExists({ repo, path: "dev.txt", revision: "dev", ...alice }), true);
assert.equal(await hub.fileExists({ repo, path: "dev.txt", ...alice }), false);
await hub.deleteBranch({ repo, branch: "dev", ...alice });
await hub.deleteRepo({ repo, ...alice });
assert.equal(await hub.repoExists({ repo, ...alice }), false);
console.log("ok");
