// gpt-tokenizer for t/bench/tokens: node tokens.mjs FOLDER SECONDS
// Lines of input are names of files, answered with [ns, count].

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const [folder, seconds] = process.argv.slice(2);
const require = createRequire(resolve(folder, "x"));
const { countTokens } = require("gpt-tokenizer/encoding/o200k_base");
const options = { disallowedSpecial: new Set() };
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

for await (const line of createInterface({ input: process.stdin })) {
    const text = decoder.decode(readFileSync(line));
    const end = performance.now() + 1000 * seconds;
    let best = Infinity;
    let count;

    do {
        const start = process.cpuUsage();
        count = countTokens(text, options);
        const { user, system } = process.cpuUsage(start);
        best = Math.min(best, user + system);
    } while (performance.now() < end);

    console.log(JSON.stringify([1000 * best, count]));
}
