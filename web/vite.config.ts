import { defineConfig } from 'vite';

// WAYBILL_WEB_OUT is set by cmake/build_web.cmake; WAYBILL_URL is the server that `npm run dev` asks.
export default defineConfig({
  base: './', // relative, so that the page works behind any path prefix
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    outDir: process.env.WAYBILL_WEB_OUT ?? 'dist',
    emptyOutDir: true,
    target: 'es2020',
    modulePreload: { polyfill: false }, // the polyfill would be an inline script
    assetsInlineLimit: 0, // data: URLs are outside of the content security policy
    chunkSizeWarningLimit: 1000,
    rollupOptions: {
      output: {
        manualChunks: (id) => (/node_modules\/(echarts|zrender)\//.test(id) ? 'echarts' : undefined),
      },
    },
  },
  server: { proxy: { '/api': process.env.WAYBILL_URL ?? 'http://127.0.0.1:8420' } },
});
