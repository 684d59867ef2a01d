// The package's one door.
export {DroverSocket} from './src/drover-socket.js';
