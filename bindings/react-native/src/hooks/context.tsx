/** Gives the components below a vault, opened here or by the app. */
import type { ReactNode } from 'react';
import { createContext, useContext, useEffect, useState } from 'react';

import type { AmanaError } from '../errors.ts';
import { toAmanaError } from '../errors.ts';
import type { HikmaSchema } from '../hikma.ts';
import type { AnyVault, Vault, VaultConfig } from '../vault.ts';
import { openVault } from '../vault.ts';

const VaultContext = createContext<AnyVault | null>(null);

/** Either a vault that the app opened, or how to open one. */
export type AmanaProviderProps = { readonly children?: ReactNode } & (
  | { readonly vault: AnyVault }
  | {
      readonly config: VaultConfig;
      /** Shown while the vault opens. */
      readonly fallback?: ReactNode;
      /** Shown where it did not open. */
      readonly failed?: (error: AmanaError, retry: () => void) => ReactNode;
    }
);

/** Gives the components below a vault. It is not closed when the provider goes. */
export function AmanaProvider(props: AmanaProviderProps): ReactNode {
  if ('vault' in props) {
    return <VaultContext value={props.vault}>{props.children}</VaultContext>;
  }
  return <OpeningProvider {...props} />;
}

type Opening =
  { readonly vault: AnyVault } | { readonly error: AmanaError } | { readonly waiting: true };

function OpeningProvider(props: Extract<AmanaProviderProps, { config: VaultConfig }>): ReactNode {
  const [opening, setOpening] = useState<Opening>({ waiting: true });
  const [attempt, setAttempt] = useState(0);
  const config = JSON.stringify(props.config);
  useEffect(() => {
    let gone = false;
    openVault<unknown>(JSON.parse(config) as VaultConfig).then(
      (vault) => {
        if (!gone) setOpening({ vault });
      },
      (error: unknown) => {
        if (!gone) setOpening({ error: toAmanaError(error) });
      }
    );
    return () => {
      gone = true;
    };
  }, [config, attempt]);

  if ('vault' in opening)
    return <VaultContext value={opening.vault}>{props.children}</VaultContext>;
  if ('waiting' in opening) return props.fallback ?? null;
  const retry = () => {
    setOpening({ waiting: true });
    setAttempt((n) => n + 1);
  };
  return props.failed?.(opening.error, retry) ?? null;
}

/** The vault of the provider above. */
export function useVault<S = HikmaSchema>(): Vault<S> {
  const vault = useContext(VaultContext);
  if (vault === null) throw new Error('useVault: there is no AmanaProvider above this component');
  return vault as Vault<S>;
}
