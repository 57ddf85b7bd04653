import { type Limit, limitCheck } from "../limits.ts";

const NAME: Limit = { min: 1, max: 64, pattern: /^[\w+=,.@-]+$/ };
const LONG_NAME: Limit = { min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ };
const PATH: Limit = { min: 1, max: 512, pattern: /^(?:\/|\/[\u0021-\u007F]+\/)$/ };
const DOCUMENT: Limit = { min: 1, max: 131_072 };

export const iamLimits = limitCheck({
  "*": {
    RoleName: NAME,
    UserName: NAME,
    PolicyName: LONG_NAME,
    PolicyArn: { min: 20, max: 2_048 },
    PolicyDocument: DOCUMENT,
    AssumeRolePolicyDocument: DOCUMENT,
    MaxItems: { min: 1, max: 1_000 },
    MaxSessionDuration: { min: 3_600, max: 43_200 },
    Description: { max: 1_000 },
  },
  CreateRole: { Path: PATH },
  CreateUser: { Path: PATH },
  CreatePolicy: { Path: PATH },
});
