import { useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { Problem } from '../components/basics';
import { t } from '../i18n/text';
import { login } from '../state/session';

export function Login() {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await login(token);
    } catch (error) {
      setProblem(error instanceof ApiError && error.status === 401 ? t('login_wrong') : String((error as Error).message));
    }
  };
  return (
    <form class="card login" onSubmit={submit}>
      <h1>{t('login')}</h1>
      <p>{t('login_text')}</p>
      {problem && <Problem text={problem} />}
      <label>{t('token')} <input type="password" autocomplete="current-password" value={token} required onInput={(event) => setToken(event.currentTarget.value)} /></label>
      <button type="submit" class="primary">{t('login')}</button>
    </form>
  );
}
