/** Called once by Claude Code, in each session. */
export function register(): void {}
