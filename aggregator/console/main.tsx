import { render } from 'preact';
import { App } from './frame/app.tsx';
import './style/theme.css';
import './style/frame.css';
import './style/controls.css';
import './style/table.css';

render(<App />, document.getElementById('console')!);
