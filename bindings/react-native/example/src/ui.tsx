/** The few parts that the screens share. */
import type { ReactElement, ReactNode } from 'react';
import type { TextInputProps } from 'react-native';
import { Pressable, StyleSheet, Text, TextInput, View } from 'react-native';

export function Screen(props: { title: string; children?: ReactNode }): ReactElement {
  return (
    <View style={styles.screen}>
      <Text accessibilityRole="header" style={styles.title}>
        {props.title}
      </Text>
      {props.children}
    </View>
  );
}

export function Button(props: { title: string; onPress: () => void }): ReactElement {
  return (
    <Pressable accessibilityRole="button" onPress={props.onPress} style={styles.button}>
      <Text style={styles.buttonText}>{props.title}</Text>
    </Pressable>
  );
}

export function Field(props: TextInputProps & { label: string }): ReactElement {
  const { label, ...input } = props;
  return (
    <TextInput accessibilityLabel={label} placeholder={label} style={styles.field} {...input} />
  );
}

export function Message(props: { children?: ReactNode }): ReactElement {
  return <Text style={styles.message}>{props.children}</Text>;
}

const styles = StyleSheet.create({
  screen: { flex: 1, padding: 16, gap: 12 },
  title: { fontSize: 22, fontWeight: '600' },
  button: { backgroundColor: '#14532d', padding: 14, borderRadius: 8 },
  buttonText: { color: 'white', textAlign: 'center', fontSize: 16 },
  field: { borderWidth: 1, borderColor: '#999', borderRadius: 8, padding: 12, fontSize: 16 },
  message: { fontSize: 16 },
});
