// So much of Electron that the parts made for it can be loaded without it. What they do is shown in a real one, by
// tests/electron.
exports.app = {};
exports.ipcMain = {};
exports.ipcRenderer = {};
exports.net = {};
exports.powerMonitor = {};
exports.contextBridge = { exposeInMainWorld: () => {} };
