// Questions to functions of the application's.

/**
 * What a hook answers. What it throws is reported as the exception of an event's listener is, and stops nothing here.
 * @param {() => boolean} hook
 * @param {boolean} otherwise
 */
export function ask(hook, otherwise) {
  try {
    return hook();
  } catch (error) {
    queueMicrotask(() => { throw error; });
    return otherwise;
  }
}
