/**
 * A schema by the Standard Schema specification, version 1 (https://standardschema.dev), as far as it is used
 * here. valibot, zod and arktype schemas are of this shape.
 *
 * @example
 * ```ts
 * const schema: StandardSchema<string> = v.string(); // or of Zod, ArkType and others: https://standardschema.dev
 * ```
 *
 * @public
 */
export interface StandardSchema<Output> {
  /** The properties of the standard. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Name of the library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  };
}

/**
 * The outcome of {@link StandardSchema}'s `validate`.
 *
 * @example
 * ```ts
 * const result: StandardResult<string> = { issues: [{ message: "expected a text" }] };
 * ```
 *
 * @public
 */
export type StandardResult<Output> =
  | {
      /** The checked value. */
      readonly value: Output;
      /** Absent for a value that passed. */
      readonly issues?: undefined;
    }
  | {
      /** What is wrong with the value. */
      readonly issues: readonly StandardIssue[];
    };

/**
 * One thing wrong with a value.
 *
 * @example
 * ```ts
 * const issue: StandardIssue = { message: "expected a text", path: ["entry"] };
 * ```
 *
 * @public
 */
export interface StandardIssue {
  /** The library's own message. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
