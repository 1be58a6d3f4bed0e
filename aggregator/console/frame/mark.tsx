/** Water over a weir. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M5 12c4 0 4 4 8 4s4-4 8-4 4 4 6 4M5 20c4 0 4 4 8 4s4-4 8-4 4 4 6 4" />
    </svg>
  );
}
