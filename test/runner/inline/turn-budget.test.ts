import { describe, expect, it } from 'vitest';
import { TurnBudget } from '#dist/runner/inline/turn-budget.js';

describe('TurnBudget', () => {
  it('allows what is left of the turn, and everything again in the next one', () => {
    const turns: (() => void)[] = [];
    const budget = new TurnBudget(1000, (callback) => turns.push(callback));
    expect(budget.allows(1000)).toBe(true);
    expect(budget.allows(1001)).toBe(false);
    budget.spend(600);
    budget.spend(300);
    expect(budget.allows(100)).toBe(true);
    expect(budget.allows(101)).toBe(false);
    expect(turns).toHaveLength(1);
    turns[0]?.();
    expect(budget.allows(1000)).toBe(true);
    budget.spend(1);
    expect(turns).toHaveLength(2);
  });
});
