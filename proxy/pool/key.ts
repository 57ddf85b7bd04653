/**
 * Who may share backends: one database user and one class of capabilities. Users never share backends. The pool
 * makes one object of each pair, so that keys compare by identity and index arrays.
 */
export class PoolKey {
  readonly userKey: string;
  readonly classId: number;
  /** Dense number of this key in its pool. */
  readonly index: number;

  constructor(userKey: string, classId: number, index: number) {
    this.userKey = userKey;
    this.classId = classId;
    this.index = index;
  }
}
