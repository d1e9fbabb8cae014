import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server hands the page out at `/`, and what it loads below its own prefix.
export default defineConfig({
  base: "/_sagewright/console/",
  plugins: [react()],
  build: {
    outDir: "../src/sagewright/edge/console/built",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    // It would load WebAssembly for Snappy, which the page's policy refuses and which Parquet's reader has without.
    rolldownOptions: { treeshake: { moduleSideEffects: (id) => !id.includes("hyparquet-compressors") } },
  },
});
