import { readFileSync } from "node:fs";
import type { DefaultTheme } from "vitepress";
import { withMermaid } from "vitepress-plugin-mermaid";

/** TypeDoc writes it beside the pages of the API, with links from the root of the project. */
const api: DefaultTheme.SidebarItem[] = JSON.parse(
  readFileSync(new URL("../api/typedoc-sidebar.json", import.meta.url), "utf8").replaceAll(
    /"link":"[^"]*\/api\//gu,
    '"link":"/api/',
  ),
);

const guides = [
  { text: "My first cache", link: "/guides/first-cache" },
  { text: "GitHub Actions", link: "/guides/github-actions" },
  { text: "A Hydra or buildbot host", link: "/guides/build-host" },
  { text: "Several machines", link: "/several-machines" },
  { text: "Forks and pull requests", link: "/guides/forks-and-pull-requests" },
  { text: "Moving from post-build hooks", link: "/migration" },
  { text: "A push failed: what now", link: "/guides/push-failed" },
];
const operators = [
  { text: "Configuration", link: "/configuration" },
  { text: "Permissions", link: "/permissions" },
  { text: "Credentials", link: "/credentials" },
  { text: "Promotion", link: "/promotion" },
  { text: "The command line", link: "/command-line" },
  { text: "Operations", link: "/operations" },
  { text: "Ledger", link: "/ledger" },
  { text: "Servers", link: "/servers" },
  { text: "Diagnostics", link: "/diagnostics" },
  { text: "Errors", link: "/errors" },
  { text: "Security", link: "/security" },
];
const engineers = [
  { text: "Embedding", link: "/embedding" },
  { text: "Delivery", link: "/delivery" },
  { text: "Push tools", link: "/push-tools" },
  { text: "Cache types of your own", link: "/cache-types" },
  { text: "Performance", link: "/performance" },
  { text: "Dependencies", link: "/dependencies" },
  { text: "Development", link: "/development" },
  { text: "Changelog", link: "/changelog" },
  { text: "API", link: "/api/" },
];

// `npm run docs` copies docs/ beside this file's directory, with the pages of the API; a dead link fails the build.
export default withMermaid({
  title: "@eka-ci/caches",
  description: "Push Nix build outputs to binary caches",
  cleanUrls: true,
  // The styles of the site give labels that are HTML taller lines than the picture has room for.
  mermaid: { htmlLabels: false, flowchart: { htmlLabels: false } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guides", link: "/guides/first-cache", activeMatch: "/guides/" },
      { text: "Configuration", link: "/configuration" },
      { text: "Command line", link: "/command-line" },
      { text: "API", link: "/api/", activeMatch: "/api/" },
    ],
    sidebar: {
      "/api/": api,
      "/": [
        { text: "Guides", items: guides },
        { text: "For operators", items: operators },
        { text: "For engineers", items: engineers },
      ],
    },
  },
});
