// Names of provinces as tables of codes write them, in the form of the map's outlines.
const ENGLISH: Readonly<Record<string, string>> = {
  beijing: '\u5317\u4eac', tianjin: '\u5929\u6d25', hebei: '\u6cb3\u5317', shanxi: '\u5c71\u897f', 'inner mongolia': '\u5185\u8499\u53e4', neimenggu: '\u5185\u8499\u53e4',
  liaoning: '\u8fbd\u5b81', jilin: '\u5409\u6797', heilongjiang: '\u9ed1\u9f99\u6c5f', shanghai: '\u4e0a\u6d77', jiangsu: '\u6c5f\u82cf', zhejiang: '\u6d59\u6c5f', anhui: '\u5b89\u5fbd',
  fujian: '\u798f\u5efa', jiangxi: '\u6c5f\u897f', shandong: '\u5c71\u4e1c', henan: '\u6cb3\u5357', hubei: '\u6e56\u5317', hunan: '\u6e56\u5357', guangdong: '\u5e7f\u4e1c', guangxi: '\u5e7f\u897f',
  hainan: '\u6d77\u5357', chongqing: '\u91cd\u5e86', sichuan: '\u56db\u5ddd', guizhou: '\u8d35\u5dde', yunnan: '\u4e91\u5357', tibet: '\u897f\u85cf', xizang: '\u897f\u85cf', shaanxi: '\u9655\u897f',
  gansu: '\u7518\u8083', qinghai: '\u9752\u6d77', ningxia: '\u5b81\u590f', xinjiang: '\u65b0\u7586', taiwan: '\u53f0\u6e7e', 'hong kong': '\u9999\u6e2f', macao: '\u6fb3\u95e8', macau: '\u6fb3\u95e8',
};
const CHINESE = new Set(Object.values(ENGLISH));

/** The outline's name of a province, or undefined when this is none. */
export function provinceOf(name: string): string | undefined {
  const english = ENGLISH[name.trim().toLowerCase()];
  if (english !== undefined) return english;
  return [...CHINESE].find((province) => name.startsWith(province));
}

/** Whether most of these names are provinces. */
export function areProvinces(names: readonly string[]): boolean {
  return names.length >= 3 && names.filter((name) => provinceOf(name) !== undefined).length * 2 > names.length;
}
