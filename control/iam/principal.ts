/** Who makes a call. */
export type Principal =
  | { readonly kind: "account"; readonly arn: string; readonly userId: string }
  | {
      readonly kind: "user";
      readonly arn: string;
      readonly userId: string;
      readonly userName: string;
    }
  | {
      readonly kind: "role";
      /** Of the session: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`. */
      readonly arn: string;
      readonly userId: string;
      readonly roleName: string;
    };
