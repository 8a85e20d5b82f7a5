/**
 * To be raised with every change of the events that a stored answer is replayed as, so that a cursor from before can be told:
 * which events there are, and where texts are cut. The rules are this project's own. Of the runtime's Unicode data depend: words
 * in scripts without spaces (ICU's dictionaries), clusters that a newer Unicode joins, and the kinds of characters that it
 * assigns. So a Node with another ICU may cut such a text elsewhere: tests hold fixed texts against fixed pieces, and the
 * version is raised when they no longer agree.
 */
export const REPLAY_VERSION = 3;
