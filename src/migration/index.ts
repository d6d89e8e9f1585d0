export { type HookMigration, type MigrateHooksOptions, migrateHooks } from "./migrate-hooks.ts";
