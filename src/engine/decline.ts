/** A «no» with its reason; `explain` and reports print it. */
export interface Decline {
  readonly declined: string;
}

export function decline(reason: string): Decline {
  return { declined: reason };
}

export function isDecline(value: unknown): value is Decline {
  return typeof value === "object" && value !== null && "declined" in value;
}
