// cleanup.js - undoes what a test has done, the last thing first; node:test's own hooks run the other way round.

const stacks = new WeakMap();

export function cleanup(t, undo) {
    if (!stacks.has(t)) {
        const stack = [];
        stacks.set(t, stack);
        t.after(() => unwind(stack));
    }
    stacks.get(t).push(undo);
}

// Each step is tried whatever became of the others; the first error is the test's.
async function unwind(stack) {
    const errors = [];
    while (stack.length > 0) {
        try {
            await stack.pop()();
        } catch (error) {
            errors.push(error);
        }
    }
    if (errors.length > 0) throw errors[0];
}
