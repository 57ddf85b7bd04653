/** The known word that a mistyped one probably stands for, or null. */
export function nearestKey(word: string, known: readonly string[]): string | null {
  const folded = fold(word);
  let best: string | null = null;
  let bestDistance = Math.min(3, Math.floor(folded.length / 3)) + 1;
  for (const each of known) {
    const distance = editDistance(folded, fold(each));
    if (distance < bestDistance) {
      best = each;
      bestDistance = distance;
    }
  }
  return best;
}

/** RDS's spelling (`MaxConnectionsPercent`) and that of scripts (`max_connections_percent`) come to the same. */
function fold(word: string): string {
  return word.slice(0, 64).toLowerCase().replaceAll(/[-_ ]/g, "");
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
