// The globals of XS for Node's build and the editor: those of the npm typings, and what they lack.

/// <reference path="../node_modules/@moddable/typings/xs.d.ts" />
/// <reference path="engine.d.ts" />
