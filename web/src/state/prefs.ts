// What a viewer chose for this browser: theme and language.
import { store } from './store';

export type Theme = 'auto' | 'light' | 'dark';
export type Language = 'en' | 'zh';

function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is switched off
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
}

const savedTheme = kept('waybill-theme');
export const theme = store<Theme>(savedTheme === 'light' || savedTheme === 'dark' ? savedTheme : 'auto');

const savedLanguage = kept('waybill-language');
export const language = store<Language>(
  savedLanguage === 'en' || savedLanguage === 'zh' ? savedLanguage : navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en',
);

const darkPreferred = matchMedia('(prefers-color-scheme: dark)');
/** Whether the page is dark now; follows the choice and the system. */
export const dark = store(false);

function apply(): void {
  const choice = theme.get();
  const isDark = choice === 'dark' || (choice === 'auto' && darkPreferred.matches);
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
  dark.set(isDark);
}

export function startPrefs(): void {
  theme.follow(() => {
    keep('waybill-theme', theme.get());
    apply();
  });
  language.follow(() => {
    keep('waybill-language', language.get());
    document.documentElement.lang = language.get() === 'zh' ? 'zh-CN' : 'en';
  });
  darkPreferred.addEventListener('change', apply);
  document.documentElement.lang = language.get() === 'zh' ? 'zh-CN' : 'en';
  apply();
}
