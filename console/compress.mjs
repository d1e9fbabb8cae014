// Beside each file what browsers take in its place: it is compressed once, not at each request.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const built = "../src/sagewright/edge/console/built";
const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
for (const folder of [built, join(built, "assets")]) {
  for (const name of readdirSync(folder).filter((each) => /\.(html|css|js|svg)$/.test(each))) {
    const path = join(folder, name);
    const content = readFileSync(path);
    writeFileSync(`${path}.br`, brotliCompressSync(content, quality));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}
