import { render } from 'preact';
import { App } from './app';
import { startLive } from './state/live';
import { startPrefs } from './state/prefs';
import { startRoute } from './state/route';
import { readSession } from './state/session';
import './style.css';

startPrefs();
startRoute();
const root = document.getElementById('app');
if (root) render(<App />, root);
void readSession().finally(startLive);
